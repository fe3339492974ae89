// SPDX-License-Identifier: MIT OR Apache-2.0
// What a boot did, packed as harness/machine/renode.py reads it.
using System;
using System.Collections.Generic;
using System.Linq;
using System.IO;

using Antmicro.Renode.Peripherals.CPU;
using Antmicro.Renode.Peripherals.Memory;

namespace Antmicro.Renode.Peripherals.BootHarness
{
    public sealed partial class BootRecorder
    {
        public byte[] Flash()
        {
            return flash.ReadBytes(0, (int)flash.Size);
        }

        // RAM at the end of the boot: the core may have gone on for a few instructions.
        public byte[] Ram => endRam;

        public byte[] OptionBytes => controller.OptionBytes;

        public uint[] WriteCounts => controller.WriteCounts;

        public uint[] PartialErases => controller.PartialErases;

        // What the chip's own reset leaves of its cause; empty on a board that does not model it.
        public uint[] FlagsAfterReset =>
            resetCause == null ? new uint[0] : new[] { endKind == End.Watchdog ? resetCause.FlagsAfterWatchdog : resetCause.FlagsAfterRequest };

        public byte[] Output => output.ToArray();

        public byte[] Erases => controller.Erases;

        // The log as records of harness/machine/operation_log.py; old bytes of erases, and new ones of partial erases, stand in the arena.
        public byte[] Operations()
        {
            arena = new MemoryStream();
            return Pack(controller.Operations);
        }

        public byte[] Arena()
        {
            return arena.ToArray();
        }

        public byte[] Pending()
        {
            return controller.Pending == null ? new byte[0] : Pack(new[] { controller.Pending });
        }

        // Four words a broken rule: kind, address, pc, operations before it.
        public byte[] Misuses()
        {
            return Words(controller.Misuses.SelectMany(x => new ulong[] { (uint)x.Kind, x.Address, x.Pc, x.Operations }));
        }

        // Five doublewords an entry: domain (all ones: none), pc, operations before it, time in ps, stack pointer.
        public byte[] Entries()
        {
            return Words(entries.SelectMany(x => x));
        }

        // How deep the stack went below its initial pointer: what nothing reached still holds what it held before. Below the
        // pointer, the longest run of that separates the stack from whatever else lies there, or from the end of RAM.
        public uint StackBytes()
        {
            var top = flash.ReadDoubleWord(0) - ramAddress;
            if(top > ram.Size)
            {
                return 0;
            }
            var now = endRam;
            uint run = 0;
            uint longest = 0;
            uint longestEnd = 0;
            for(uint offset = 0; offset + 4 <= top; offset += 4)
            {
                run = BitConverter.ToUInt32(now, (int)offset) == BitConverter.ToUInt32(noise, (int)offset) ? run + 4 : 0;
                if(run > longest)
                {
                    longest = run;
                    longestEnd = offset + 4;
                }
            }
            return top - longestEnd;
        }

        // Where the core is, for a boot that does not come back.
        public string Where => string.Format("pc 0x{0:X8} state {1} ended {2} {3}", cpu.PC.RawValue, cpu.EmulationState, ended, endKind);

        public int EndKind => (int)endKind;

        public string Detail => detail;

        public uint EndPc => endPc;

        public int EndDomain => DomainOf(endPc);

        public ulong Instructions => endInstructions;

        public ulong TimePs => endTimePs;

        private byte[] Pack(IEnumerable<FlashOperation> operations)
        {
            var records = new MemoryStream();
            var writer = new BinaryWriter(records);
            foreach(var operation in operations)
            {
                var isProgram = operation.Kind == OperationKind.Program || operation.Kind == OperationKind.OptionProgram;
                writer.Write(operation.StartPs);
                writer.Write(operation.DurationPs);
                writer.Write(operation.Instructions);
                writer.Write(operation.Address);
                writer.Write(operation.Pc);
                writer.Write((uint)arena.Length);
                writer.Write((uint)operation.Old.Length);
                writer.Write(isProgram ? ToWord(operation.Old) : 0);
                writer.Write(isProgram ? ToWord(operation.New) : 0);
                writer.Write((ulong)operation.Kind);
                if(!isProgram)
                {
                    arena.Write(operation.Old, 0, operation.Old.Length);
                }
                if(operation.Kind == OperationKind.PartialErase)
                {
                    arena.Write(operation.New, 0, operation.New.Length);
                }
            }
            return records.ToArray();
        }

        private static uint ToWord(byte[] bytes)
        {
            return bytes.Length == 2 ? BitConverter.ToUInt16(bytes, 0) : BitConverter.ToUInt32(bytes, 0);
        }

        private static byte[] Words(IEnumerable<ulong> words)
        {
            return words.SelectMany(BitConverter.GetBytes).ToArray();
        }
        private MemoryStream arena = new MemoryStream();
    }
}
