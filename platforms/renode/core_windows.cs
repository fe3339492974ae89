// SPDX-License-Identifier: MIT OR Apache-2.0
// What the core may do at which address: windows of Renode's external MMU. They lead stores to the gate and make a busy array wait.
using System;
using System.Collections.Generic;
using System.Linq;

using Antmicro.Renode.Peripherals.CPU;

using Privilege = Antmicro.Renode.Peripherals.Miscellaneous.ExternalMmuBase.Privilege;

namespace Antmicro.Renode.Peripherals.BootHarness
{
    public abstract partial class FlashController
    {
        // Lay the windows through which the core sees its addresses. `boundaries` are addresses, multiples of 1 KiB, where its rights may change.
        public void LayWindows(IEnumerable<uint> boundaries)
        {
            lent = false;
            edges = boundaries.ToArray();
            var all = new SortedSet<ulong>(edges.Select(x => (ulong)x)) { 0, FlashAddress, (ulong)FlashAddress + FlashBytes, aliasAddress, (ulong)aliasAddress + FlashBytes };
            var starts = all.ToArray();
            Cpu.ResetAllMmuWindows();
            windows.Clear();
            for(var index = 0; index < starts.Length; index++)
            {
                var start = starts[index];
                var end = index + 1 < starts.Length ? starts[index + 1] : 1UL << 32;
                uint offset;
                if(Locate((uint)start, out offset))
                {
                    var gate = (ulong)gateAddress + ((uint)start - FlashAddress < FlashBytes ? 0 : FlashBytes) + offset;
                    Cpu.SetMmuWindowPrivileges(OpenWindow(start, end, Privilege.Write, gate - start), Privilege.Write);
                    windows.Add((uint)start, OpenWindow(start, end, Privilege.Read | Privilege.Execute, 0));
                }
                else
                {
                    windows.Add((uint)start, OpenWindow(start, end, Privilege.All, 0));
                }
            }
            Permit(_ => Privilege.All);
        }

        // Let a fetch from nothing succeed until windows are laid anew: a core that finds no code at all could not go on. It is asked to return before it runs any.
        public void LendCode(uint address)
        {
            const uint WindowPage = 1024;
            var start = windows.Keys.Last(x => x <= address);
            Cpu.SetMmuWindowAddend(windows[start], (ulong)((long)FlashAddress - address / WindowPage * WindowPage));
            Cpu.SetMmuWindowPrivileges(windows[start], Privilege.All);
            Cpu.FlushTlb();
            lent = true;
        }

        // Take back what was lent.
        public void ReclaimCode()
        {
            if(lent)
            {
                LayWindows(edges);
            }
        }

        // Set what the core may do in each window, which its first address names. Stores to flash are always led to the gate.
        public void Permit(Func<uint, Privilege> rights)
        {
            this.rights = rights;
            foreach(var window in windows)
            {
                uint offset;
                var possible = !Locate(window.Key, out offset) ? Privilege.All : Busy ? Privilege.None : Privilege.Read | Privilege.Execute;
                Cpu.SetMmuWindowPrivileges(window.Value, rights(window.Key) & possible);
            }
            Cpu.FlushTlb();
        }

        // A fetch or a load from the array waits for the end of the operation: while one that code in RAM started lasts, no window allows it.
        private ExternalMmuResult WaitForFlash(ulong address, AccessType access, ulong? window, bool firstTry)
        {
            uint offset;
            if(!Busy || !firstTry || !Locate((uint)address, out offset))
            {
                return ExternalMmuResult.Fault;
            }
            Complete();
            return ExternalMmuResult.NoFault;
        }

        private ulong OpenWindow(ulong start, ulong end, Privilege type, ulong addend)
        {
            var window = Cpu.AcquireExternalMmuWindow(type);
            Cpu.SetMmuWindowStart(window, start);
            Cpu.SetMmuWindowEnd(window, end);
            Cpu.SetMmuWindowAddend(window, addend);
            return window;
        }

        private uint[] edges;
        private bool lent;
        private Func<uint, Privilege> rights;
        private readonly SortedDictionary<uint, ulong> windows = new SortedDictionary<uint, ulong>();
    }
}
