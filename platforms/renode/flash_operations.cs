// SPDX-License-Identifier: MIT OR Apache-2.0
// What a flash controller does and refuses, as the harness and the monitor see it.

namespace Antmicro.Renode.Peripherals.BootHarness
{
    // Mirrors `OperationKind` in protocol.py.
    public enum OperationKind
    {
        Program = 0,
        PageErase = 1,
        MassErase = 2,
        OptionProgram = 3,
        OptionErase = 4,
        PartialErase = 5,
    }

    // Mirrors `MisuseKind` in protocol.py.
    public enum MisuseKind
    {
        ProgramNotErased = 0,
        WriteProtected = 1,
        WrongKey = 2,
        Locked = 3,
        WrongWidth = 4,
        NotEnabled = 5,
        PgAndPer = 6,
        EraseBitLeftSet = 7,
        BusyWrite = 8,
        ClockOff = 9,
        TooManyWrites = 10,
        NoSuchPage = 11,
    }

    // How far an operation got before the power went: nothing, the first half of its bytes, or all of them.
    public enum Tear
    {
        None,
        Half,
        All,
    }

    public sealed class FlashOperation
    {
        public OperationKind Kind;
        public uint Address;
        public byte[] Old;
        public byte[] New;
        public ulong StartPs;
        public ulong DurationPs;
        public uint Pc;
        public ulong Instructions;
    }

    public sealed class Misuse
    {
        public MisuseKind Kind;
        public uint Address;
        public uint Pc;
        public uint Operations;
    }

    // A store to the array, to option bytes, or to a register, as the core made it.
    public struct FlashStore
    {
        public uint Address;
        public uint Bytes;
        public uint Value;
        public uint Pc;
    }

    // A block of registers that says why the chip started: the harness carries it over a reset.
    public interface IResetCause
    {
        // What the registers hold now, and what they shall hold after the next reset.
        uint Flags { get; set; }

        uint FlagsAtPowerOn { get; }

        uint FlagsAfterRequest { get; }

        uint FlagsAfterWatchdog { get; }
    }



    // SplitMix64, the generator of the harness: the same seed gives the same noise on each engine.
    public static class Noise
    {
        public static ulong Next(ref ulong state)
        {
            var z = state += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }

        public static byte[] Fill(ref ulong state, int bytes)
        {
            var noise = new byte[bytes];
            for(var offset = 0; offset + 8 <= bytes; offset += 8)
            {
                var value = Next(ref state);
                for(var index = 0; index < 8; index++)
                {
                    noise[offset + index] = (byte)(value >> (8 * index));
                }
            }
            return noise;
        }
    }
}
