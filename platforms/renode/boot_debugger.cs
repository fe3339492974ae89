// SPDX-License-Identifier: MIT OR Apache-2.0
// A boot in the hands of a debugger, for harness/machine/renode_debuggee.py: the core stands still between two instructions.
//
//  1. While it is debugged, the emulation runs freely between halts, and a halted core waits in single-step mode, as under Renode's own gdb server.
//  2. Whatever ends a boot halts the core, and it stays so.
using System.Collections.Generic;
using System.Linq;
using System.Threading;

using Antmicro.Renode.Peripherals.CPU;

namespace Antmicro.Renode.Peripherals.BootHarness
{
    public sealed partial class BootRecorder
    {
        // Start a boot and hold it right before operation `operation`, which the instruction at `pc` starts; all ones: before the first instruction.
        public void PowerUp(byte[] image, byte[] options, byte[] keptRam, uint[] keptFlags, ulong seed, ulong operation, uint pc)
        {
            LeaveDebugger();
            Prepare(image, options, keptRam, keptFlags, new byte[0], seed);
            holdOperation = operation == ulong.MaxValue ? 0 : operation;
            holdPc = operation == ulong.MaxValue ? flash.ReadDoubleWord(4) & ~1u : pc;
            held = false;
            running = true;
            debugged = true;
            if(TakeReset())
            {
                cpu.AddHook(holdPc, Hold);
                Go();
            }
        }

        // Let the core run; `WaitForHalt` next.
        public void Go()
        {
            halted.Reset();
            cpu.ExecutionMode = ExecutionMode.Continuous;
            if(emulation.IsStarted)
            {
                cpu.Resume();
            }
            else
            {
                emulation.StartAll();
            }
        }

        // Whether the core stands still, after at most this long.
        public bool WaitForHalt(int milliseconds)
        {
            return ended || halted.Wait(milliseconds);
        }

        // Halt the core wherever it is.
        public void Interrupt()
        {
            cpu.ExecutionMode = ExecutionMode.SingleStep;
            while(!ended && !cpu.IsHalted && !halted.Wait(1))
            {
                Thread.Yield();
            }
        }

        public void Step()
        {
            if(!ended)
            {
                cpu.Step(1);
            }
        }

        // Halt before the instructions at these addresses.
        public void SetBreakpoints(uint[] addresses)
        {
            foreach(var address in breakpoints.Except(addresses).ToList())
            {
                cpu.RemoveHook(address, Break);
                breakpoints.Remove(address);
            }
            foreach(var address in addresses.Except(breakpoints).ToList())
            {
                cpu.AddHook(address, Break);
                breakpoints.Add(address);
            }
        }

        // r0 to r15 and xPSR.
        public uint[] Registers()
        {
            return Enumerable.Range(0, 16).Concat(new[] { StatusRegister }).Select(x => (uint)cpu.GetRegister(x).RawValue).ToArray();
        }

        public void WriteRegister(int number, uint value)
        {
            cpu.SetRegister(number < 16 ? number : StatusRegister, value);
        }

        // Flash, RAM, and the block of option and factory bytes; empty where none of these is.
        public byte[] ReadMemory(uint address, int bytes)
        {
            uint offset;
            if(controller.Locate(address, out offset) && offset + bytes <= flash.Size)
            {
                return flash.ReadBytes(offset, bytes);
            }
            return IsRam(address, bytes) ? ram.ReadBytes(address - ramAddress, bytes) : controller.ReadBlock(address, bytes);
        }

        public bool WriteMemory(uint address, byte[] content)
        {
            if(!IsRam(address, content.Length))
            {
                return false;
            }
            ram.WriteBytes(address - ramAddress, content, 0, content.Length);
            return true;
        }

        public bool Held => held;

        public bool Ended => ended;

        // The emulation stands still again, as every boot finds it.
        public void LeaveDebugger()
        {
            if(!debugged)
            {
                return;
            }
            debugged = false;
            running = false;
            SetBreakpoints(new uint[0]);
            cpu.RemoveHook(holdPc, Hold);
            emulation.PauseAll();
            cpu.ExecutionMode = ExecutionMode.Continuous;
        }

        private bool IsRam(uint address, int bytes)
        {
            return address >= ramAddress && address - ramAddress + bytes <= ram.Size;
        }

        private void Hold(ICpuSupportingGdb which, ulong pc)
        {
            if(!held && !ended && (ulong)controller.Operations.Count == holdOperation)
            {
                held = true;
                Halt();
            }
        }

        private void Break(ICpuSupportingGdb which, ulong pc)
        {
            Halt();
        }

        private void Halt()
        {
            cpu.EnterSingleStepModeSafely(new HaltArguments(HaltReason.Breakpoint, cpu, cpu.PC.RawValue, BreakpointType.HardwareBreakpoint));
            halted.Set();
        }

        private bool debugged;
        private bool held;
        private ulong holdOperation;
        private uint holdPc;
        private readonly ManualResetEventSlim halted = new ManualResetEventSlim();
        private readonly HashSet<uint> breakpoints = new HashSet<uint>();
    }
}
