// SPDX-License-Identifier: MIT OR Apache-2.0
// The parts of the address space that a flash controller answers besides its registers: the gate, and the block of option bytes and factory bytes.
using System;
using System.Linq;

using Antmicro.Renode.Peripherals.Bus;
using Antmicro.Renode.Peripherals.Memory;

namespace Antmicro.Renode.Peripherals.BootHarness
{
    public abstract partial class FlashController
    {
        // The gate: stores to the array come here, the main range first, its alias behind it. Nothing is ever read here.
        [ConnectionRegion("gate")]
        public void WriteByteThroughGate(long offset, byte value)
        {
            StoreThroughGate(offset, 1, value);
        }

        [ConnectionRegion("gate")]
        public void WriteWordThroughGate(long offset, ushort value)
        {
            StoreThroughGate(offset, 2, value);
        }

        [ConnectionRegion("gate")]
        public void WriteDoubleWordThroughGate(long offset, uint value)
        {
            StoreThroughGate(offset, 4, value);
        }

        [ConnectionRegion("gate")]
        public byte ReadByteThroughGate(long offset)
        {
            return Flash.ReadByte(offset % FlashBytes);
        }

        [ConnectionRegion("gate")]
        public ushort ReadWordThroughGate(long offset)
        {
            return Flash.ReadWord(offset % FlashBytes);
        }

        [ConnectionRegion("gate")]
        public uint ReadDoubleWordThroughGate(long offset)
        {
            return Flash.ReadDoubleWord(offset % FlashBytes);
        }

        // The block that holds the option bytes, or UICR, and what the factory wrote.
        [ConnectionRegion("system")]
        public byte ReadByteOfSystem(long offset)
        {
            return Block[offset];
        }

        [ConnectionRegion("system")]
        public ushort ReadWordOfSystem(long offset)
        {
            return BitConverter.ToUInt16(Block, (int)offset);
        }

        [ConnectionRegion("system")]
        public uint ReadDoubleWordOfSystem(long offset)
        {
            return BitConverter.ToUInt32(Block, (int)offset);
        }

        [ConnectionRegion("system")]
        public void WriteByteOfSystem(long offset, byte value)
        {
            StoreThroughSystem(offset, 1, value);
        }

        [ConnectionRegion("system")]
        public void WriteWordOfSystem(long offset, ushort value)
        {
            StoreThroughSystem(offset, 2, value);
        }

        [ConnectionRegion("system")]
        public void WriteDoubleWordOfSystem(long offset, uint value)
        {
            StoreThroughSystem(offset, 4, value);
        }

        // What the factory wrote at an address of that block.
        public void WriteFactory(uint address, byte[] content)
        {
            Array.Copy(content, 0, Block, (int)(address - systemAddress), content.Length);
        }

        // The same for one word, from the monitor.
        public void WriteFactoryWord(uint address, uint value)
        {
            WriteFactory(address, BitConverter.GetBytes(value));
        }

        // Option and factory bytes for a debugger; empty where none are.
        public byte[] ReadBlock(uint address, int bytes)
        {
            var offset = address - systemAddress;
            return offset < Block.Length && offset + bytes <= Block.Length ? Block.Skip((int)offset).Take(bytes).ToArray() : new byte[0];
        }

        public byte[] OptionBytes
        {
            get
            {
                return Block.Skip((int)(OptionAddress - systemAddress)).Take(OptionBytesCount).ToArray();
            }
            set
            {
                WriteFactory(OptionAddress, value);
            }
        }

        protected abstract int OptionBytesCount { get; }

        protected abstract uint OptionAddress { get; }

        private void StoreThroughGate(long offset, uint bytes, uint value)
        {
            if(!Accepts)
            {
                return;
            }
            var inArray = (uint)(offset % FlashBytes);
            var address = inArray + (offset < FlashBytes ? FlashAddress : aliasAddress);
            StoreArray(new FlashStore { Address = address, Bytes = bytes, Value = value, Pc = PcNow() }, inArray);
        }

        private void StoreThroughSystem(long offset, uint bytes, uint value)
        {
            if(Accepts)
            {
                var address = systemAddress + (uint)offset;
                StoreOption(new FlashStore { Address = address, Bytes = bytes, Value = value, Pc = PcNow() }, address - OptionAddress);
            }
        }
    }
}
