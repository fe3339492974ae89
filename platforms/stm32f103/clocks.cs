// SPDX-License-Identifier: MIT OR Apache-2.0
// Reset and clock control of the STM32F103 (RM0008), for Renode, as far as start-up code looks at it: an oscillator is ready as soon as it is on.
using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals.Bus;

namespace Antmicro.Renode.Peripherals.BootHarness
{
    public sealed class Stm32f103Clocks : IDoubleWordPeripheral, IKnownSize, IResetCause
    {
        public Stm32f103Clocks()
        {
            Reset();
        }

        public void Reset()
        {
            registers[Control] = 0x83;
            registers[Configuration] = 0;
            for(var index = 2; index < registers.Length; index++)
            {
                registers[index] = 0;
            }
            registers[AhbEnable] = 0x14;
            registers[Status] = flags;
        }

        public uint ReadDoubleWord(long offset)
        {
            return offset / 4 < registers.Length ? registers[offset / 4] : 0;
        }

        public void WriteDoubleWord(long offset, uint value)
        {
            switch(offset / 4)
            {
            case Control:
                if(UsesInternalOscillator)
                {
                    value |= InternalOn; // cannot be cleared while the core runs from it (RM0008 7.3.1)
                }
                registers[Control] = (value & ~(Oscillators << 1)) | (value & Oscillators) << 1;
                SwitchSource();
                break;
            case Configuration:
                registers[Configuration] = (value & ~(3u << 2)) | (registers[Configuration] & (3u << 2));
                SwitchSource();
                break;
            case BackupDomain:
                registers[BackupDomain] = (value & ~2u) | (value & 1) << 1;
                break;
            case Status:
                var kept = (value & RemoveFlags) != 0 ? 0 : Flags;
                registers[Status] = kept | (value & 1) | (value & 1) << 1;
                break;
            default:
                if(offset / 4 < registers.Length)
                {
                    registers[offset / 4] = value;
                }
                break;
            }
        }

        public bool InternalOscillatorRuns => (registers[Control] & InternalOn) != 0;

        // The flags of RCC_CSR outlast a reset, which adds its own (RM0008 7.3.10).
        public uint Flags
        {
            get
            {
                return registers[Status] & AllFlags;
            }
            set
            {
                flags = value;
                registers[Status] = (registers[Status] & ~AllFlags) | value;
            }
        }

        public uint FlagsAtPowerOn => PinReset | PowerOnReset;

        public uint FlagsAfterRequest => Flags | PinReset | SoftwareReset;

        public uint FlagsAfterWatchdog => Flags | PinReset | WatchdogReset;

        public long Size => 0x400;

        // The switch takes place when the selected source runs; until then SWS keeps its value.
        private void SwitchSource()
        {
            var ready = new[] { 1u << 1, 1u << 17, 1u << 25 };
            var wanted = registers[Configuration] & 3;
            if(wanted < ready.Length && (registers[Control] & ready[wanted]) != 0)
            {
                registers[Configuration] = (registers[Configuration] & ~(3u << 2)) | wanted << 2;
            }
        }

        private bool UsesInternalOscillator
        {
            get
            {
                var configuration = registers[Configuration];
                var source = configuration >> 2 & 3;
                var wanted = configuration & 3;
                var pllUses = (configuration & 0x10000) == 0;
                return source == 0 || wanted == 0 || ((source == 2 || wanted == 2) && pllUses);
            }
        }

        private uint flags = PinReset | PowerOnReset;

        private readonly uint[] registers = new uint[10];

        private const int Control = 0;
        private const int Configuration = 1;
        private const int AhbEnable = 5;
        private const int BackupDomain = 8;
        private const int Status = 9;
        private const uint InternalOn = 1;
        private const uint Oscillators = 1 | 1u << 16 | 1u << 24;
        private const uint RemoveFlags = 1u << 24;
        private const uint PinReset = 1u << 26;
        private const uint PowerOnReset = 1u << 27;
        private const uint SoftwareReset = 1u << 28;
        private const uint WatchdogReset = 1u << 29;
        private const uint AllFlags = 0xFC000000;
    }
}
