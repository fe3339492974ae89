// SPDX-License-Identifier: MIT OR Apache-2.0
// What the flash controllers of all chips share: stores that reach the cells, the log of operations, refusals, busy time, power cuts.
//
//  1. The core reads and executes the array directly. Its stores are led to this model by the windows of Renode's external MMU, before any cell changes, with width and value.
//  2. Cells change in `Execute` only, each time with an entry in the log.
//  3. Nothing happens after `Frozen` is set: the block of code that the core is in may run to its end.
//  4. A store that faults is the last that counts until the exception is taken: the core is still inside its block of code.
//
// Without the harness, the monitor drives it: `sysbus.flashController Log`, `sysbus.flashController CutPower 17 Half`.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

using Antmicro.Renode.Core;
using Antmicro.Renode.Logging;
using Antmicro.Renode.Peripherals.Bus;
using Antmicro.Renode.Peripherals.CPU;
using Antmicro.Renode.Peripherals.IRQControllers;
using Antmicro.Renode.Peripherals.Memory;
using Antmicro.Renode.Time;

namespace Antmicro.Renode.Peripherals.BootHarness
{
    public abstract partial class FlashController : IDoubleWordPeripheral, IKnownSize
    {
        protected FlashController(IMachine machine, CortexM cpu, NVIC nvic, MappedMemory flash, MappedMemory ram, uint flashAddress, uint aliasAddress, uint gateAddress, uint systemAddress, uint systemBytes, uint pageBytes)
        {
            this.machine = machine;
            Cpu = cpu;
            this.nvic = nvic;
            Flash = flash;
            this.ram = ram;
            FlashAddress = flashAddress;
            this.aliasAddress = aliasAddress;
            this.gateAddress = gateAddress;
            PageBytes = pageBytes;
            this.systemAddress = systemAddress;
            Block = Enumerable.Repeat((byte)0xFF, (int)systemBytes).ToArray();
            FlashBytes = (uint)flash.Size;
            clock = (BaseClockSource)machine.ClockSource;
            erases = new byte[FlashBytes / pageBytes];
            cpu.EnableExternalWindowMmu(ExternalMmuPosition.AfterInternal);
            LayWindows(new uint[0]);
            cpu.AddHookOnMmuFault(WaitForFlash);
        }

        public virtual void Reset()
        {
            Busy = false;
            faulted = false;
            if(powerLost)
            {
                powerLost = false;
                BeginBoot();
            }
        }

        public abstract uint ReadDoubleWord(long offset);

        public abstract void WriteDoubleWord(long offset, uint value);

        // Show the log of operations, one a line.
        public string Log()
        {
            var text = new StringBuilder();
            for(var index = 0; index < operations.Count; index++)
            {
                var operation = operations[index];
                text.AppendLine(string.Format("{0,6} {1,-14} 0x{2:X8} {3} -> {4}  pc 0x{5:X8}  {6} us", index, operation.Kind, operation.Address,
                    Shorten(operation.Old), Shorten(operation.New), operation.Pc, operation.StartPs / 1000000));
            }
            return text.ToString();
        }

        // Lose power at one operation of this boot, counted from 0: it stays as far as `tear` says, RAM is scrambled, the chip starts again.
        public void CutPower(uint operation, Tear tear)
        {
            StopBefore = operation;
            Stopping = pending =>
            {
                LeaveTorn(pending, tear);
                ScrambleRam((ulong)operation);
                powerLost = true;
                this.Log(LogLevel.Info, "Power lost at operation {0}, tear {1}", operation, tear);
                machine.RequestReset();
            };
        }

        // Pause the emulation right before one operation of this boot, counted from 0, which the instruction at `pc` starts: for a debugger.
        public void HoldBefore(uint operation, ulong pc)
        {
            holdBefore = operation;
            holdPc = pc;
            ArmHold();
        }

        // Start a new boot: nothing is logged yet, and nothing is frozen. The harness sets `StopBefore` afterwards.
        public void BeginBoot()
        {
            operations.Clear();
            misuses.Clear();
            Array.Clear(erases, 0, erases.Length);
            Pending = null;
            StopBefore = ulong.MaxValue;
            Stopping = null;
            Frozen = false;
            faulted = false;
            stalledPs = 0;
            SleptCycles = 0;
            instructionsBefore = Cpu.ExecutedInstructions;
        }

        // Fill RAM with what it may hold at power-on: the same for the same seed. Returns the state of the generator.
        public ulong ScrambleRam(ulong seed)
        {
            var noise = Noise.Fill(ref seed, (int)ram.Size);
            ram.WriteBytes(0, noise, noise.Length);
            return seed;
        }

        // The same, from the monitor, whose numbers are smaller than a seed can be.
        public void ScrambleRamWith(string seed)
        {
            ScrambleRam(ulong.Parse(seed));
        }

        // Offset in the array of an address in either of its ranges.
        public bool Locate(uint address, out uint offset)
        {
            offset = address - FlashAddress;
            if(offset >= FlashBytes)
            {
                offset = address - aliasAddress;
            }
            return offset < FlashBytes;
        }

        public uint ToMain(uint offset)
        {
            return FlashAddress + offset;
        }

        public uint ToAlias(uint address)
        {
            return address - FlashAddress + aliasAddress;
        }

        public ulong InstructionsNow => Cpu.ExecutedInstructions - instructionsBefore;

        // Cycles of this boot in which the core slept, as far as its caller has seen.
        public ulong SleptCycles { get; set; }

        // Virtual time of this boot: executed instructions at the core's speed, sleep, and the time that the core stood still.
        public ulong NowPs => (InstructionsNow + SleptCycles) * 1000000 / Cpu.PerformanceInMips + stalledPs;

        public long Size => RegisterBytes;

        public bool Frozen { get; set; }

        public ulong StopBefore { get; set; } = ulong.MaxValue;

        // Called right before operation `StopBefore`, which then does not take place.
        public Action<FlashOperation> Stopping { get; set; }

        public FlashOperation Pending { get; private set; }

        public IList<FlashOperation> Operations => operations;

        public IList<Misuse> Misuses => misuses;

        public byte[] Erases => erases;

        public ulong ProgramPs { get; set; }

        public ulong PageErasePs { get; set; }

        public ulong MassErasePs { get; set; }

        // Called when a store raises a bus fault, with its program counter and the cause.
        public Action<uint, string> BusFaulted { get; set; }

        // Counts of writes and parts of erases that the cells' content does not tell: address and value, alternately.
        public virtual void TakeHistory(uint[] writes, uint[] partialErases)
        {
        }

        public virtual uint[] WriteCounts => new uint[0];

        public virtual uint[] PartialErases => new uint[0];

        protected abstract void StoreArray(FlashStore store, uint offset);

        // `offset` from the first option byte; it may lie outside of them.
        protected abstract void StoreOption(FlashStore store, uint offset);

        // The operation under way is over.
        protected abstract void Finish();

        // BSY, or READY's opposite, from now on.
        protected abstract void ShowBusy(FlashStore store);

        protected abstract long RegisterBytes { get; }

        // Leave the cells of an operation as far as it got.
        private void End()
        {
            Busy = false;
            Permit(rights);
            Finish();
        }

        private void LeaveTorn(FlashOperation operation, Tear tear)
        {
            var bytes = tear == Tear.None ? 0 : tear == Tear.All ? operation.New.Length : operation.New.Length / 2;
            var content = operation.New.Take(bytes).ToArray();
            uint offset;
            if(Locate(operation.Address, out offset))
            {
                Flash.WriteBytes(offset, content, content.Length);
            }
            else
            {
                var options = OptionBytes;
                Array.Copy(content, 0, options, (int)(operation.Address - OptionAddress), content.Length);
                OptionBytes = options;
            }
        }

        protected bool Accepts => !Frozen && !faulted;

        protected FlashStore RegisterStore(long offset, uint value, uint registersAddress)
        {
            return new FlashStore { Address = registersAddress + (uint)offset, Bytes = 4, Value = value, Pc = PcNow() };
        }

        protected uint PcNow()
        {
            return (uint)Cpu.PC.RawValue;
        }

        protected void Refuse(MisuseKind kind, uint address, uint pc)
        {
            misuses.Add(new Misuse { Kind = kind, Address = address, Pc = pc, Operations = (uint)operations.Count });
            this.Log(LogLevel.Warning, "Flash misuse {0} at 0x{1:X8}, pc 0x{2:X8}", kind, address, pc);
        }

        protected void Refuse(MisuseKind kind, FlashStore store)
        {
            Refuse(kind, store.Address, store.Pc);
        }

        // A bus fault: BusFault where it is enabled, HardFault where not; nothing where the core ignores it (CCR.BFHFNMIGN at priority -1).
        protected void BusFault(FlashStore store, string why)
        {
            const uint ConfigurationAndControl = 0xE000ED14;
            const uint IgnoreBusFaults = 1 << 8;

            var faultmask = Cpu.GetFaultmask(false) != 0;
            if(faultmask && (machine.SystemBus.ReadDoubleWord(ConfigurationAndControl) & IgnoreBusFaults) != 0)
            {
                return;
            }
            if(BusFaulted != null)
            {
                BusFaulted(store.Pc, string.Format("bus error: write of {0} byte{1} at 0x{2:X8}: {3}", store.Bytes, store.Bytes == 1 ? "" : "s", store.Address, why));
            }
            RaiseBusFault();
        }

        // Take a bus fault at the end of the block of code that the core is in.
        public void RaiseBusFault()
        {
            const uint SystemHandlerControl = 0xE000ED24;
            const uint BusFaultEnabled = 1 << 17;
            const int HardFault = 3;
            const int BusFaultNumber = 5;

            faulted = true;
            var enabled = (machine.SystemBus.ReadDoubleWord(SystemHandlerControl) & BusFaultEnabled) != 0;
            nvic.SetPendingIRQ(enabled ? BusFaultNumber : HardFault);
            Cpu.RequestReturn();
        }

        // The exception that a store raised is taken: stores count again.
        public void FaultTaken()
        {
            faulted = false;
        }

        // Carry out an operation: log it, change its cells, be busy. False where the boot stopped instead.
        protected bool Execute(OperationKind kind, uint address, byte[] old, byte[] updated, ulong durationPs, FlashStore store, Action change)
        {
            var operation = new FlashOperation
            {
                Kind = kind, Address = address, Old = old, New = updated, StartPs = NowPs, DurationPs = durationPs, Pc = store.Pc, Instructions = InstructionsNow,
            };
            if((ulong)operations.Count == StopBefore)
            {
                Frozen = true;
                Pending = operation;
                if(Stopping != null)
                {
                    Stopping(operation);
                }
                return false;
            }
            operations.Add(operation);
            ArmHold();
            change();
            Start(store, durationPs);
            return true;
        }

        protected bool ExecuteErase(OperationKind kind, uint offset, uint bytes, ulong durationPs, FlashStore store)
        {
            var erased = Enumerable.Repeat((byte)0xFF, (int)bytes).ToArray();
            return Execute(kind, FlashAddress + offset, Flash.ReadBytes(offset, (int)bytes), erased, durationPs, store, () =>
            {
                Flash.WriteBytes(offset, erased, erased.Length);
                for(var page = offset / PageBytes; page < (offset + bytes) / PageBytes; page++)
                {
                    erases[page] += (byte)(erases[page] < byte.MaxValue ? 1 : 0);
                }
            });
        }

        // The controller works for a while. Code in flash is not fetched before it is done: the core stands still, and never sees it busy.
        protected void Start(FlashStore store, ulong durationPs)
        {
            uint offset;
            if(Locate(store.Pc, out offset))
            {
                Stall(durationPs);
                Finish();
                return;
            }
            Busy = true;
            busyUntilPs = NowPs + durationPs;
            Permit(rights);
            ShowBusy(store);
            var started = operations.Count;
            machine.ScheduleAction(TimeInterval.FromNanoseconds(durationPs / 1000), _ =>
            {
                if(Busy && operations.Count == started)
                {
                    End();
                }
            });
        }

        // Let time pass up to the end of the operation under way, if any.
        protected void Complete()
        {
            if(!Busy)
            {
                return;
            }
            var now = NowPs;
            if(busyUntilPs > now)
            {
                Stall(busyUntilPs - now);
            }
            End();
        }

        protected bool Busy { get; private set; }

        protected readonly byte[] Block;
        protected readonly CortexM Cpu;
        protected readonly MappedMemory Flash;
        protected readonly uint FlashAddress;
        protected readonly uint FlashBytes;
        protected readonly uint PageBytes;

        // A hook makes its instruction slow: it is set when the operation before the one to hold at has begun.
        private void ArmHold()
        {
            if((ulong)operations.Count != holdBefore)
            {
                return;
            }
            Cpu.AddHook(holdPc, Hold);
            Cpu.RequestReturn();
        }

        private void Hold(ICpuSupportingGdb cpu, ulong pc)
        {
            if((ulong)operations.Count != holdBefore)
            {
                return;
            }
            this.Log(LogLevel.Info, "Held right before operation {0}, pc 0x{1:X8}", holdBefore, pc);
            holdBefore = ulong.MaxValue;
            machine.PauseAndRequestEmulationPause();
        }

        private static string Shorten(byte[] bytes)
        {
            var text = string.Concat(bytes.Take(4).Reverse().Select(x => x.ToString("X2")));
            return bytes.Length > 4 ? string.Format("..{0} ({1} bytes)", text, bytes.Length) : text;
        }

        // The core stands still in the middle of a block of code: time passes for every timer at once. (`SkipTime` would take effect behind the block.)
        private void Stall(ulong ps)
        {
            stalledPs += ps;
            clock.Advance(TimeInterval.FromNanoseconds(ps / 1000));
        }
        private ulong holdBefore = ulong.MaxValue;
        private ulong holdPc;
        private bool powerLost;
        private bool faulted;
        private ulong busyUntilPs;
        private ulong stalledPs;
        private ulong instructionsBefore;

        private readonly IMachine machine;
        private readonly BaseClockSource clock;
        private readonly NVIC nvic;
        private readonly MappedMemory ram;
        private readonly uint aliasAddress;
        private readonly uint gateAddress;
        private readonly uint systemAddress;
        private readonly byte[] erases;
        private readonly List<FlashOperation> operations = new List<FlashOperation>();
        private readonly List<Misuse> misuses = new List<Misuse>();
    }
}
