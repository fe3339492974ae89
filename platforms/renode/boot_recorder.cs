// SPDX-License-Identifier: MIT OR Apache-2.0
// Runs one boot at a time for harness/machine/renode.py, and records what the harness asks an engine for. A board works without it.
//
//  1. Every boot starts from a reset machine: flash, option bytes, RAM and registers are given or derived from the seed.
//  2. Code may be executed in the current domain only; a fetch elsewhere faults in the external MMU, which is how changes of domain are seen at no cost in between.
//  3. The first end counts. After it the flash controller is frozen, and what the core still does counts for nothing.
using System;
using System.Collections.Generic;
using System.Linq;

using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals.Bus;
using Antmicro.Renode.Peripherals.CPU;
using Antmicro.Renode.Peripherals.IRQControllers;
using Antmicro.Renode.Peripherals.Memory;
using Antmicro.Renode.Peripherals.UART;
using Antmicro.Renode.Time;

using Privilege = Antmicro.Renode.Peripherals.Miscellaneous.ExternalMmuBase.Privilege;
using Range = Antmicro.Renode.Core.Range;

namespace Antmicro.Renode.Peripherals.BootHarness
{
    // Mirrors `End` in protocol.py.
    public enum End
    {
        Budget = 0,
        Stopped = 1,
        Sleeping = 2,
        Waiting = 3,
        Reset = 4,
        Watchdog = 5,
        HardFault = 6,
        Lockup = 7,
        ErasedFlash = 8,
        Unsupported = 9,
        Settled = 10,
    }

    public sealed partial class BootRecorder
    {
        // `pollOffset`: the register of the UART that a firmware polls while it waits for input.
        public BootRecorder(string machineName, uint ramAddress, uint pollOffset)
        {
            IMachine found;
            emulation = EmulationManager.Instance.CurrentEmulation;
            if(!emulation.TryGetMachineByName(machineName, out found))
            {
                throw new ArgumentException("no machine " + machineName);
            }
            machine = found;
            this.ramAddress = ramAddress;
            controller = (FlashController)machine["sysbus.flashController"];
            cpu = (CortexM)machine["sysbus.cpu"];
            flash = (MappedMemory)machine["sysbus.flash"];
            ram = (MappedMemory)machine["sysbus.ram"];
            uart = (IUART)machine["sysbus.uart"];
            watchdog = machine["sysbus.watchdog"];
            IPeripheral clocks;
            machine.TryGetByName("sysbus.clocks", out clocks);
            resetCause = clocks as IResetCause;
            var nvic = (NVIC)machine["sysbus.nvic"];
            emulation.MasterTimeSource.AdvanceImmediately = true;
            emulation.MasterTimeSource.Quantum = Quantum;
            uart.CharReceived += NoteOutput;
            cpu.AddHookOnMmuFault(NoteRefusal);
            cpu.AddHookAtWfiStateChange(NoteSleep);
            cpu.AddHookAtInterruptBegin(NoteException);
            controller.BusFaulted = NoteFault;
            machine.MachineReset += NoteReset;
            var bus = machine.SystemBus;
            bus.SetHookAfterPeripheralRead<uint>((IBusPeripheral)uart, NotePoll, new Range(pollOffset, 4));
            bus.SetHookBeforePeripheralWrite<uint>(nvic, NoteResetRequest, new Range(ResetRequestOffset, 4));
        }

        // The ranges of code addresses to tell apart, in the main range of the flash, and the ranges where the chip has something, besides its flash and RAM:
        // address and size, alternately.
        // `settleTimesPs`: how long after its first entry a boot is over; 0: never.
        public void SetRanges(uint[] codeRanges, ulong[] settleTimesPs, uint[] usedRanges)
        {
            this.settleTimesPs = settleTimesPs;
            domains.Clear();
            used.Clear();
            used.Add(new KeyValuePair<uint, uint>(ramAddress, (uint)ram.Size));
            for(var index = 0; index < usedRanges.Length; index += 2)
            {
                used.Add(new KeyValuePair<uint, uint>(usedRanges[index], usedRanges[index + 1]));
            }
            var boundaries = used.SelectMany(x => new[] { x.Key, x.Key + x.Value }).ToList();
            for(var index = 0; index < codeRanges.Length; index += 2)
            {
                domains.Add(new KeyValuePair<uint, uint>(codeRanges[index], codeRanges[index + 1]));
                boundaries.Add(codeRanges[index]);
                boundaries.Add(codeRanges[index] + codeRanges[index + 1]);
                boundaries.Add(controller.ToAlias(codeRanges[index]));
                boundaries.Add(controller.ToAlias(codeRanges[index] + codeRanges[index + 1]));
            }
            controller.LayWindows(boundaries);
        }

        // How long operations take, in picoseconds.
        public void SetTimes(ulong programPs, ulong pageErasePs, ulong massErasePs)
        {
            controller.ProgramPs = programPs;
            controller.PageErasePs = pageErasePs;
            controller.MassErasePs = massErasePs;
        }

        // Bytes that the factory put beside the option bytes.
        public void WriteFactory(uint address, byte[] content)
        {
            controller.WriteFactory(address, content);
        }

        // What the cells remember besides their bits, for the next boot: see `FlashController.TakeHistory`.
        public void SetHistory(uint[] writes, uint[] partialErases)
        {
            writeCounts = writes;
            this.partialErases = partialErases;
        }

        // Power up with a content of the flash and run to an end. `keptRam` and `keptFlags` are what a reset left in RAM and of its cause; empty at power-on.
        public void Boot(byte[] image, byte[] options, byte[] keptRam, uint[] keptFlags, byte[] input, ulong seed, ulong stopBefore, ulong budget)
        {
            LeaveDebugger();
            Prepare(image, options, keptRam, keptFlags, input, seed);
            controller.StopBefore = stopBefore;
            controller.Stopping = pending => Finish(End.Stopped, pending.Pc, "before operation " + stopBefore);
            running = true;
            if(TakeReset())
            {
                Run(budget);
            }
            running = false;
            while(cpu.SkipInstructions > 0)
            {
                emulation.RunFor(Quantum); // the next boot starts at the beginning of a slice, as this one did
            }
            emulation.PauseAll();
        }

        private void Prepare(byte[] image, byte[] options, byte[] keptRam, uint[] keptFlags, byte[] input, ulong seed)
        {
            running = false;
            machine.Reset();
            Restore(image);
            controller.ReclaimCode();
            controller.OptionBytes = options;
            controller.TakeHistory(writeCounts, partialErases);
            controller.Reset();
            if(resetCause != null)
            {
                resetCause.Flags = keptFlags.Length > 0 ? keptFlags[0] : resetCause.FlagsAtPowerOn;
            }
            holesOpen = false;
            settlesAtPs = ulong.MaxValue;
            entries.Clear();
            output.Clear();
            this.input = new Queue<byte>(input);
            ended = false;
            asleep = false;
            fault = null;
            detail = "";
            currentDomain = UnknownDomain;
            polls = 0;
            nextSnapshot = FirstSnapshot;
            pollRegisters = null;
            FillNoise(seed, keptRam);
            controller.BeginBoot();
            cyclesBefore = cpu.ElapsedCycles;
            cpu.VectorTableOffset = 0;
        }

        private void Restore(byte[] image)
        {
            var now = Flash();
            var page = (int)(flash.Size / controller.Erases.Length);
            for(var start = 0; start < now.Length; start += page)
            {
                for(var index = start; index < start + page; index++)
                {
                    if(now[index] != image[index])
                    {
                        flash.WriteBytes(start, image, start, page);
                        break;
                    }
                }
            }
        }

        // RAM and registers hold noise at power-on; whoever reads them before writing shall get it, and the same for a seed.
        private void FillNoise(ulong seed, byte[] keptRam)
        {
            var state = seed;
            noise = BootHarness.Noise.Fill(ref state, (int)ram.Size);
            if(keptRam.Length > 0)
            {
                noise = keptRam;
            }
            ram.WriteBytes(0, noise, noise.Length);
            for(var register = 0; register <= 12; register++)
            {
                cpu.SetRegister(register, (uint)BootHarness.Noise.Next(ref state));
            }
            cpu.SetRegister(StatusRegister, ((uint)BootHarness.Noise.Next(ref state) & 0xF8000000) | ThumbState);
        }

        // The initial stack pointer and the reset vector must be usable (ARMv7-M B1.5.5).
        private bool TakeReset()
        {
            var stack = flash.ReadDoubleWord(0);
            var entry = flash.ReadDoubleWord(4);
            var start = entry & ~1u;
            uint offset;
            lastPc = start;
            Enter(start, stack);
            if(stack - ramAddress - 1 >= ram.Size || stack % 4 != 0)
            {
                Finish(End.Lockup, start, string.Format("initial stack pointer 0x{0:X8} is not in RAM", stack));
            }
            else if(entry % 2 == 0 || !(controller.Locate(start, out offset) || start - ramAddress < ram.Size))
            {
                Finish(End.Lockup, start, string.Format("reset vector 0x{0:X8} is not a Thumb address in flash or RAM", entry));
            }
            return !ended;
        }

        private void Run(ulong budget)
        {
            while(!ended)
            {
                emulation.RunFor(NextSlice());
                if(ended)
                {
                    break;
                }
                var pc = (uint)cpu.PC.RawValue;
                if(asleep)
                {
                    controller.SleptCycles = cpu.ElapsedCycles - cyclesBefore - controller.InstructionsNow;
                }
                if(cpu.EmulationState == EmulationCPUState.Aborted)
                {
                    Finish(End.HardFault, pc, "execution outside of memory");
                }
                else if(pc == lastPc && IsBranchToItself(pc) && !CanWake())
                {
                    FinishIdle(pc, "a branch to itself");
                }
                else if(controller.SleptCycles >= LongestSleep)
                {
                    FinishIdle(pc, "WFI or WFE, and no interrupt came that could end it");
                }
                else if(controller.NowPs >= settlesAtPs)
                {
                    Finish(End.Settled, pc, "");
                }
                else if(controller.InstructionsNow >= budget)
                {
                    Finish(End.Budget, pc, "");
                }
                lastPc = pc;
            }
        }

        private TimeInterval NextSlice()
        {
            const ulong PicosecondsPerMicrosecond = 1000000;
            var left = settlesAtPs - Math.Min(settlesAtPs, controller.NowPs);
            return TimeInterval.Min(Slice, TimeInterval.FromMicroseconds(left / PicosecondsPerMicrosecond + 1));
        }

        private void Enter(uint pc, uint stack)
        {
            var domain = DomainOf(pc);
            if(domain != currentDomain && !ended)
            {
                if(domain >= 0 && settleTimesPs[domain] != 0 && settlesAtPs == ulong.MaxValue)
                {
                    settlesAtPs = controller.NowPs + settleTimesPs[domain];
                    cpu.RequestReturn();
                }
                entries.Add(new[] { domain < 0 ? ulong.MaxValue : (ulong)domain, pc, (ulong)controller.Operations.Count, controller.NowPs, stack });
            }
            currentDomain = domain;
            PermitDomain();
        }

        private void PermitDomain()
        {
            controller.Permit(start =>
            {
                var execute = DomainOf(start) == currentDomain && IsCode(start) ? Privilege.Execute : Privilege.None;
                return IsUsed(start) || holesOpen ? Privilege.ReadAndWrite | execute : Privilege.None;
            });
        }

        private bool IsCode(uint address)
        {
            uint offset;
            return controller.Locate(address, out offset) || address - ramAddress < ram.Size;
        }

        private bool IsUsed(uint address)
        {
            uint offset;
            return controller.Locate(address, out offset) || used.Any(x => address - x.Key < x.Value);
        }

        private int DomainOf(uint pc)
        {
            uint offset;
            var address = controller.Locate(pc, out offset) ? controller.ToMain(offset) : pc;
            return domains.FindIndex(x => address - x.Key < x.Value);
        }

        private uint[] writeCounts = new uint[0];
        private uint[] partialErases = new uint[0];
        private ulong[] settleTimesPs = new ulong[0];
        private ulong settlesAtPs;
        private ulong cyclesBefore;
        private bool holesOpen;
        private bool running;
        private bool ended;
        private bool asleep;
        private End endKind;
        private uint endPc;
        private uint lastPc;
        private ulong endInstructions;
        private ulong endTimePs;
        private string detail = "";
        private int currentDomain;
        private byte[] noise;
        private byte[] endRam;
        private Queue<byte> input = new Queue<byte>();

        private readonly IMachine machine;
        private readonly Emulation emulation;
        private readonly FlashController controller;
        private readonly CortexM cpu;
        private readonly MappedMemory flash;
        private readonly MappedMemory ram;
        private readonly uint ramAddress;
        private readonly IUART uart;
        private readonly IPeripheral watchdog;
        private readonly IResetCause resetCause;
        private readonly List<byte> output = new List<byte>();
        private readonly List<ulong[]> entries = new List<ulong[]>();
        private readonly List<KeyValuePair<uint, uint>> used = new List<KeyValuePair<uint, uint>>();
        private readonly List<KeyValuePair<uint, uint>> domains = new List<KeyValuePair<uint, uint>>();

        private static readonly TimeInterval Slice = TimeInterval.FromMilliseconds(10);
        private static readonly TimeInterval Quantum = TimeInterval.FromMicroseconds(1000);

        private const long ResetRequestOffset = 0xD0C;
        private const int UnknownDomain = -2;
        private const int StackPointer = 13;
        private const int StatusRegister = 25;
        private const uint ThumbState = 1 << 24;
    }
}
