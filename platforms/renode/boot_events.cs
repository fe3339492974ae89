// SPDX-License-Identifier: MIT OR Apache-2.0
// What happens in a boot: faults, sleep, resets, polls of the UART; and whether it is over.
using System.Collections.Generic;
using System.Linq;

using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals.Bus;
using Antmicro.Renode.Peripherals.CPU;
using Antmicro.Renode.Peripherals.Memory;
using Antmicro.Renode.Peripherals.UART;
using Antmicro.Renode.Time;

namespace Antmicro.Renode.Peripherals.BootHarness
{
    public sealed partial class BootRecorder
    {
        private ExternalMmuResult NoteRefusal(ulong address, AccessType access, ulong? window, bool firstTry)
        {
            if(!firstTry)
            {
                return ExternalMmuResult.Fault;
            }
            var pc = access == AccessType.Execute ? (uint)address : (uint)cpu.PC.RawValue;
            if(access == AccessType.Execute ? IsCode((uint)address) : IsUsed((uint)address))
            {
                Enter(pc, (uint)cpu.GetRegister(StackPointer).RawValue);
            }
            else
            {
                // There is nothing at this address. The exception is taken behind the block of code; until then such loads read 0.
                NoteFault(pc, string.Format("bus error: {0} at 0x{1:X8}", access == AccessType.Execute ? "instruction fetch" : access.ToString().ToLower(), address));
                controller.RaiseBusFault();
                holesOpen = true;
                PermitDomain();
                if(access == AccessType.Execute)
                {
                    controller.LendCode((uint)address);
                }
            }
            return ExternalMmuResult.NoFault;
        }

        private void NoteOutput(byte value)
        {
            if(!ended)
            {
                output.Add(value);
                polls = 0;
                nextSnapshot = FirstSnapshot;
                pollRegisters = null;
            }
        }

        private uint NotePoll(uint value, long offset)
        {
            if(ended)
            {
                return value;
            }
            if(input.Count > 0)
            {
                uart.WriteChar(input.Dequeue());
                return value;
            }
            polls++;
            if(polls == nextSnapshot)
            {
                var registers = Registers();
                var content = ram.ReadBytes(0, (int)ram.Size);
                if(pollRegisters != null && registers.SequenceEqual(pollRegisters) && content.SequenceEqual(pollRam) && !AnyClockRuns())
                {
                    Finish(End.Waiting, (uint)cpu.PC.RawValue, "for input on " + "the UART");
                }
                pollRegisters = registers;
                pollRam = content;
                nextSnapshot *= 2;
            }
            return value;
        }

        private uint NoteResetRequest(uint value, long offset)
        {
            const uint Key = 0x05FA;
            const uint SystemResetRequest = 4;
            if(!running || ended || value >> 16 != Key || (value & SystemResetRequest) == 0)
            {
                return value;
            }
            Finish(End.Reset, (uint)cpu.PC.RawValue, "system reset request");
            return value & ~SystemResetRequest;
        }

        // Only a watchdog resets the machine while a boot runs: a reset request ended the boot before.
        private void NoteReset(IMachine resetMachine)
        {
            if(running && !ended)
            {
                Finish(End.Watchdog, lastPc, "the watchdog ran out"); // the core has been reset too: where it was a moment before
            }
        }

        private void NoteSleep(bool entered)
        {
            asleep = entered;
            if(asleep && !ended && !CanWake())
            {
                FinishIdle((uint)cpu.PC.RawValue, "WFI or WFE");
            }
        }

        // An exception that the core raises by itself: undefined instruction, bad state, refused access.
        private void NoteException(ulong index)
        {
            controller.FaultTaken();
            if(ended || !CoreFaults.ContainsKey(index))
            {
                return;
            }
            var pc = (uint)cpu.PC.RawValue;
            uint offset;
            if(index == UndefinedInstruction && controller.Locate(pc, out offset) && Halfword(pc) == 0xFFFF)
            {
                Finish(End.ErasedFlash, pc, "ran into erased flash");
                return;
            }
            NoteFault(pc, CoreFaults[index]);
        }

        private void NoteFault(uint pc, string why)
        {
            if(!HasHandler())
            {
                Finish(End.HardFault, pc, why);
            }
            else if(fault == null)
            {
                fault = why;
                faultPc = pc;
            }
        }

        // Whether the firmware has a HardFault handler that does more than branch to itself.
        private bool HasHandler()
        {
            const uint HardFaultVector = 12;
            var handler = machine.SystemBus.ReadDoubleWord(cpu.VectorTableOffset + HardFaultVector);
            var first = Halfword(handler & ~1u);
            return handler % 2 == 1 && first != 0xFFFF && first != BranchToItself;
        }

        private bool IsBranchToItself(uint pc)
        {
            return Halfword(pc) == BranchToItself || (Halfword(pc) == WideBranchFirst && Halfword(pc + 2) == WideBranchSecond);
        }

        private ushort Halfword(uint address)
        {
            uint offset;
            if(controller.Locate(address, out offset) && offset + 1 < flash.Size)
            {
                return flash.ReadWord(offset);
            }
            return address - ramAddress + 1 < ram.Size ? ram.ReadWord(address - ramAddress) : (ushort)0xFFFF;
        }

        // Whether anything could end a sleep: an enabled interrupt, SysTick's, or a watchdog.
        private bool CanWake()
        {
            const ulong InterruptEnable = 0xE000E100;
            const ulong SysTickControl = 0xE000E010;
            var bus = machine.SystemBus;
            var enabled = Enumerable.Range(0, 8).Any(index => bus.ReadDoubleWord(InterruptEnable + 4 * (ulong)index) != 0);
            return enabled || (bus.ReadDoubleWord(SysTickControl) & 3) == 3 || WatchdogRuns();
        }

        private bool WatchdogRuns()
        {
            return machine.ClockSource.GetAllClockEntries().Any(x => x.Enabled && x.Owner == watchdog);
        }

        private bool AnyClockRuns()
        {
            return machine.ClockSource.GetAllClockEntries().Any(x => x.Enabled);
        }

        private void FinishIdle(uint pc, string how)
        {
            if(fault != null)
            {
                Finish(End.HardFault, faultPc, fault);
            }
            else
            {
                Finish(End.Sleeping, pc, how);
            }
        }

        private void Finish(End end, uint pc, string why)
        {
            if(ended)
            {
                return;
            }
            endKind = end;
            endPc = pc;
            detail = why;
            endInstructions = controller.InstructionsNow;
            endTimePs = controller.NowPs;
            endRam = ram.ReadBytes(0, (int)ram.Size);
            ended = true;
            controller.Frozen = true;
            if(debugged)
            {
                Halt();
                return;
            }
            // The rest of the slice passes at once. Halting the core from its own thread could meet the emulation pausing it.
            cpu.SkipTime(Slice);
            cpu.RequestReturn();
        }
        private string fault;
        private uint faultPc;
        private int polls;
        private int nextSnapshot;
        private uint[] pollRegisters;
        private byte[] pollRam;
        private const ulong LongestSleep = 640000000; // cycles: 10 s at 64 MHz
        private const int FirstSnapshot = 8;
        private const ushort BranchToItself = 0xE7FE;
        private const ushort WideBranchFirst = 0xF7FF;
        private const ushort WideBranchSecond = 0xBFFE;
        private const ulong UndefinedInstruction = 1;
        private static readonly Dictionary<ulong, string> CoreFaults = new Dictionary<ulong, string>
        {
            { UndefinedInstruction, "undefined instruction" },
            { 3, "refused instruction fetch" },
            { 4, "refused load or store" },
            { 7, "breakpoint instruction without a debugger" },
            { 17, "no coprocessor" },
            { 18, "jump to an even address" },
        };
    }
}
