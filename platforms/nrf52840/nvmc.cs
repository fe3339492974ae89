// SPDX-License-Identifier: MIT OR Apache-2.0
// Non-volatile memory controller of the nRF52840 (PS 4.3), for Renode. The same rules as harness/machine/core/nvmc.h.
using System;
using System.Linq;

using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals.Bus;
using Antmicro.Renode.Peripherals.CPU;
using Antmicro.Renode.Peripherals.IRQControllers;
using Antmicro.Renode.Peripherals.Memory;

namespace Antmicro.Renode.Peripherals.BootHarness
{
    public sealed class Nvmc : FlashController
    {
        public Nvmc(IMachine machine, CortexM cpu, NVIC nvic, MappedMemory flash, MappedMemory ram, uint flashAddress, uint aliasAddress, uint gateAddress, uint systemAddress, uint systemBytes, uint pageBytes, uint writesPerWord)
            : base(machine, cpu, nvic, flash, ram, flashAddress, aliasAddress, gateAddress, systemAddress, systemBytes, pageBytes)
        {
            this.writesPerWord = writesPerWord;
            ProgramPs = 41000000;
            PageErasePs = 85000000000;
            MassErasePs = 169000000000;
            writes = new byte[FlashBytes / WordBytes];
            counted = new bool[FlashBytes / pageBytes];
            erasedMs = new uint[FlashBytes / pageBytes];
            TakeHistory(new uint[0], new uint[0]);
            Reset();
        }

        // An erased word was never written, any other one once, except where the history says otherwise.
        public override void TakeHistory(uint[] counts, uint[] parts)
        {
            var options = OptionBytes;
            uint offset;
            Array.Clear(counted, 0, counted.Length);
            Array.Clear(erasedMs, 0, erasedMs.Length);
            optionWrites = Enumerable.Range(0, OptionBytesCount / WordBytes).Select(x => ToldBy(BitConverter.ToUInt32(options, x * WordBytes))).ToArray();
            for(var index = 0; index < counts.Length; index += 2)
            {
                if(Locate(counts[index], out offset))
                {
                    CountWrites(offset / PageBytes);
                    writes[offset / WordBytes] = (byte)counts[index + 1];
                }
                else if(counts[index] - OptionAddress < OptionBytesCount)
                {
                    optionWrites[(counts[index] - OptionAddress) / WordBytes] = (byte)counts[index + 1];
                }
            }
            for(var index = 0; index < parts.Length; index += 2)
            {
                if(Locate(parts[index], out offset))
                {
                    erasedMs[offset / PageBytes] = parts[index + 1];
                }
            }
        }

        public override uint[] WriteCounts
        {
            get
            {
                var options = OptionBytes;
                var words = PageBytes / WordBytes;
                var told = Enumerable.Range(0, counted.Length).Where(page => counted[page]).SelectMany(page => Enumerable.Range(page * (int)words, (int)words))
                    .Where(word => writes[word] != ToldBy(Flash.ReadDoubleWord(word * WordBytes))).SelectMany(word => new[] { FlashAddress + (uint)word * WordBytes, writes[word] });
                var optional = Enumerable.Range(0, optionWrites.Length).Where(word => optionWrites[word] != ToldBy(BitConverter.ToUInt32(options, word * WordBytes)))
                    .SelectMany(word => new[] { OptionAddress + (uint)word * WordBytes, optionWrites[word] });
                return told.Concat(optional).ToArray();
            }
        }

        public override uint[] PartialErases =>
            Enumerable.Range(0, erasedMs.Length).Where(page => erasedMs[page] != 0).SelectMany(page => new[] { FlashAddress + (uint)page * PageBytes, erasedMs[page] }).ToArray();

        public override void Reset()
        {
            base.Reset();
            configuration = 0;
            partialMs = PartialAfterResetMs;
            instructionCache = new uint[3];
            portClosed = OptionBytes[AccessPortProtection] != AccessPortOpen;
        }

        public override uint ReadDoubleWord(long offset)
        {
            switch(offset)
            {
            case OffsetReady:
            case OffsetReadyNext:
                return Busy ? 0u : 1u;
            case OffsetConfiguration:
                return configuration;
            case OffsetPartialConfiguration:
                return partialMs;
            default:
                return offset >= OffsetInstructionCache && offset < OffsetInstructionCache + 12 ? instructionCache[(offset - OffsetInstructionCache) / 4] : 0;
            }
        }

        public override void WriteDoubleWord(long offset, uint value)
        {
            if(!Accepts)
            {
                return;
            }
            var store = RegisterStore(offset, value, RegistersAddress);
            if(Busy && offset != OffsetPartialConfiguration)
            {
                Refuse(MisuseKind.BusyWrite, store); // PS 4.3: wait for READY; the core is taken to wait for it here
                Complete();
            }
            switch(offset)
            {
            case OffsetReady:
            case OffsetReadyNext:
                break;
            case OffsetConfiguration:
                configuration = value & (WriteEnabled | EraseEnabled);
                break;
            case OffsetPartialConfiguration:
                partialMs = value & 0x7F;
                break;
            case OffsetErasePage:
            case OffsetEraseAll:
            case OffsetErasePageOld:
            case OffsetEraseOptions:
            case OffsetErasePartial:
                Erase(store, offset);
                break;
            default:
                if(offset >= OffsetInstructionCache && offset < OffsetInstructionCache + 12)
                {
                    instructionCache[(offset - OffsetInstructionCache) / 4] = value;
                }
                break;
            }
        }

        protected override uint OptionAddress => 0x10001000;

        protected override int OptionBytesCount => 0x308;

        protected override long RegisterBytes => 0x1000;

        protected override void ShowBusy(FlashStore store)
        {
            // READY follows `Busy`.
        }

        protected override void Finish()
        {
            // READY follows `Busy`.
        }

        protected override void StoreArray(FlashStore store, uint offset)
        {
            if(!MayProgram(store))
            {
                return;
            }
            CountWrites(offset / PageBytes);
            CountWrite(ref writes[offset / WordBytes], store);
            erasedMs[offset / PageBytes] = 0; // a partly erased page that is written starts anew
            var old = Flash.ReadDoubleWord(offset);
            var value = old & store.Value;
            Execute(OperationKind.Program, store.Address, BitConverter.GetBytes(old), BitConverter.GetBytes(value), ProgramPs, store, () => Flash.WriteDoubleWord(offset, value));
        }

        protected override void StoreOption(FlashStore store, uint offset)
        {
            if(!MayProgram(store))
            {
                return;
            }
            if(offset >= OptionBytesCount)
            {
                Refuse(MisuseKind.NoSuchPage, store); // behind the last register of UICR: nothing is programmed
                return;
            }
            CountWrite(ref optionWrites[offset / WordBytes], store);
            var old = BitConverter.ToUInt32(OptionBytes, (int)offset);
            var updated = BitConverter.GetBytes(old & store.Value);
            Execute(OperationKind.OptionProgram, store.Address, BitConverter.GetBytes(old), updated, ProgramPs, store, () => WriteFactory(store.Address, updated));
        }

        // Checks that flash and UICR share. That a store without CONFIG.WEN faults is an assumption: the manual says nothing.
        private bool MayProgram(FlashStore store)
        {
            if(Busy)
            {
                Refuse(MisuseKind.BusyWrite, store);
                Complete();
            }
            if(store.Bytes != WordBytes)
            {
                Refuse(MisuseKind.WrongWidth, store);
                BusFault(store, "flash takes aligned words only");
                return false;
            }
            if(configuration != WriteEnabled)
            {
                Refuse(MisuseKind.NotEnabled, store);
                BusFault(store, "CONFIG.WEN is clear");
                return false;
            }
            return true;
        }

        private void CountWrites(uint page)
        {
            if(counted[page])
            {
                return;
            }
            var words = PageBytes / WordBytes;
            for(var word = page * words; word < (page + 1) * words; word++)
            {
                writes[word] = ToldBy(Flash.ReadDoubleWord(word * WordBytes));
            }
            counted[page] = true;
        }

        private void CountWrite(ref byte count, FlashStore store)
        {
            if(count >= writesPerWord)
            {
                Refuse(MisuseKind.TooManyWrites, store);
            }
            count += (byte)(count < byte.MaxValue ? 1 : 0);
        }

        private void ForgetWrites(uint page)
        {
            var words = (int)(PageBytes / WordBytes);
            Array.Clear(writes, (int)page * words, words);
            counted[page] = true;
            erasedMs[page] = 0;
        }

        private void Erase(FlashStore store, long offset)
        {
            uint page;
            if(configuration != EraseEnabled)
            {
                Refuse(MisuseKind.NotEnabled, store);
                return;
            }
            switch(offset)
            {
            case OffsetEraseAll:
                if(store.Value == 1)
                {
                    EraseAll(store);
                }
                break;
            case OffsetEraseOptions:
                if(portClosed)
                {
                    Refuse(MisuseKind.WriteProtected, store); // PS, NVMC protection
                }
                else if(store.Value == 1)
                {
                    EraseOptions(store, PageErasePs);
                }
                break;
            case OffsetErasePartial:
                if(FindPage(store, out page))
                {
                    ErasePart(store, page);
                }
                break;
            default: // ERASEPAGE, and ERASEPCR0, its old name
                if(FindPage(store, out page))
                {
                    ErasePage(store, page, PageErasePs);
                }
                break;
            }
        }

        // The page that a register names; false outside the array, where "the wrong page may be erased" (PS 4.3): none is.
        private bool FindPage(FlashStore store, out uint offset)
        {
            if(!Locate(store.Value, out offset) || offset % PageBytes != 0)
            {
                Refuse(MisuseKind.NoSuchPage, store.Value, store.Pc);
                offset -= offset % PageBytes;
            }
            return offset < FlashBytes;
        }

        private void ErasePage(FlashStore store, uint offset, ulong durationPs)
        {
            if(ExecuteErase(OperationKind.PageErase, offset, PageBytes, durationPs, store))
            {
                ForgetWrites(offset / PageBytes);
            }
        }

        private void ErasePart(FlashStore store, uint offset)
        {
            var page = offset / PageBytes;
            CountWrites(page);
            var wholeMs = (uint)(PageErasePs / PicosecondsPerMillisecond);
            var durationPs = partialMs * PicosecondsPerMillisecond;
            var doneMs = erasedMs[page] + partialMs;
            if(doneMs >= wholeMs)
            {
                ErasePage(store, offset, durationPs);
                return;
            }
            var old = Flash.ReadBytes(offset, (int)PageBytes);
            var updated = old.Select((cell, index) => PartlyErased(cell, offset + (uint)index, doneMs, wholeMs)).ToArray();
            Execute(OperationKind.PartialErase, FlashAddress + offset, old, updated, durationPs, store, () =>
            {
                erasedMs[page] = doneMs;
                Flash.WriteBytes(offset, updated, updated.Length);
            });
        }

        // Each cell turns to 1 at its own moment, which a hash of its place decides, so that a longer erase keeps what a shorter one did.
        private static byte PartlyErased(byte cell, uint offset, uint doneMs, uint wholeMs)
        {
            for(var bit = 0; bit < 8; bit++)
            {
                var state = (ulong)offset * 8 + (ulong)bit;
                if(Noise.Next(ref state) % wholeMs < doneMs)
                {
                    cell |= (byte)(1 << bit);
                }
            }
            return cell;
        }

        private bool EraseOptions(FlashStore store, ulong durationPs)
        {
            var erased = Erased(OptionBytesCount);
            return Execute(OperationKind.OptionErase, OptionAddress, OptionBytes, erased, durationPs, store, () =>
            {
                OptionBytes = erased;
                Array.Clear(optionWrites, 0, optionWrites.Length);
            });
        }

        // ERASEALL is one operation of the hardware and two in the log, UICR first: together they take the time of the one.
        private void EraseAll(FlashStore store)
        {
            if(!EraseOptions(store, PageErasePs))
            {
                return;
            }
            Complete();
            if(ExecuteErase(OperationKind.MassErase, 0, FlashBytes, MassErasePs - PageErasePs, store))
            {
                for(uint page = 0; page < counted.Length; page++)
                {
                    ForgetWrites(page);
                }
            }
        }

        private static byte ToldBy(uint word)
        {
            return (byte)(word != uint.MaxValue ? 1 : 0);
        }

        private static byte[] Erased(int bytes)
        {
            return Enumerable.Repeat((byte)0xFF, bytes).ToArray();
        }

        private uint configuration;
        private uint partialMs;
        private bool portClosed;
        private byte[] optionWrites;
        private uint[] instructionCache;

        private readonly uint writesPerWord;
        private readonly byte[] writes;
        private readonly bool[] counted;
        private readonly uint[] erasedMs;

        private const uint RegistersAddress = 0x4001E000;
        private const long OffsetReady = 0x400;
        private const long OffsetReadyNext = 0x408;
        private const long OffsetConfiguration = 0x504;
        private const long OffsetErasePage = 0x508;
        private const long OffsetEraseAll = 0x50C;
        private const long OffsetErasePageOld = 0x510;
        private const long OffsetEraseOptions = 0x514;
        private const long OffsetErasePartial = 0x518;
        private const long OffsetPartialConfiguration = 0x51C;
        private const long OffsetInstructionCache = 0x540;
        private const uint WriteEnabled = 1;
        private const uint EraseEnabled = 2;
        private const int WordBytes = 4;
        private const int AccessPortProtection = 0x208;
        private const byte AccessPortOpen = 0xFF;
        private const uint PartialAfterResetMs = 10;
        private const ulong PicosecondsPerMillisecond = 1000000000;
    }
}
