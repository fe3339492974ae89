// SPDX-License-Identifier: MIT OR Apache-2.0
// Flash program and erase controller of the STM32F103 (PM0075), for Renode. The same rules as harness/machine/core/fpec.h.
using System;

using Antmicro.Renode.Core;
using Antmicro.Renode.Peripherals.Bus;
using Antmicro.Renode.Peripherals.CPU;
using Antmicro.Renode.Peripherals.IRQControllers;
using Antmicro.Renode.Peripherals.Memory;

namespace Antmicro.Renode.Peripherals.BootHarness
{
    public sealed class Fpec : FlashController
    {
        public Fpec(IMachine machine, CortexM cpu, NVIC nvic, MappedMemory flash, MappedMemory ram, Stm32f103Clocks clocks, uint flashAddress, uint aliasAddress, uint gateAddress, uint systemAddress, uint systemBytes, uint pageBytes, uint pagesPerProtectionBit)
            : base(machine, cpu, nvic, flash, ram, flashAddress, aliasAddress, gateAddress, systemAddress, systemBytes, pageBytes)
        {
            this.clocks = clocks;
            this.pagesPerProtectionBit = pagesPerProtectionBit;
            ProgramPs = 52500000;
            PageErasePs = 30000000000;
            MassErasePs = 30000000000;
            OptionBytes = new byte[] { 0xA5, 0x5A, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00 };
            Reset();
        }

        public override void Reset()
        {
            base.Reset();
            lockState = LockState.Locked;
            optionLockState = LockState.Locked;
            late = false;
            latency = LatencyAfterReset;
            status = 0;
            control = ControlLock;
            address = 0;
            LoadOptions();
        }

        public override uint ReadDoubleWord(long offset)
        {
            switch(offset)
            {
            case 0x00:
                return latency;
            case OffsetStatus:
                return ReadStatus();
            case OffsetControl:
                return control;
            case OffsetAddress:
                return address;
            case 0x1C:
                return optionRegister;
            case 0x20:
                return protection;
            default:
                return 0;
            }
        }

        public override void WriteDoubleWord(long offset, uint value)
        {
            if(!Accepts)
            {
                return;
            }
            var store = RegisterStore(offset, value, RegistersAddress);
            if(Busy)
            {
                if(offset == OffsetControl || offset == OffsetAddress)
                {
                    Refuse(MisuseKind.BusyWrite, store);
                }
                return;
            }
            switch(offset)
            {
            case 0x00:
                latency = (value & 0x1F) | ((value & 0x10) != 0 ? 0x20u : 0);
                break;
            case 0x04:
                WriteKey(store);
                break;
            case 0x08:
                WriteOptionKey(store);
                break;
            case OffsetStatus:
                status &= ~(value & StatusFlags);
                break;
            case OffsetControl:
                WriteControl(store);
                break;
            case OffsetAddress:
                if(lockState == LockState.Unlocked)
                {
                    address = value;
                }
                else
                {
                    Refuse(MisuseKind.Locked, store);
                }
                break;
            }
        }

        // USER.WDG_SW clear: the independent watchdog runs from reset on.
        public bool HardwareWatchdog => (optionRegister & 4) == 0;

        protected override uint OptionAddress => 0x1FFFF800;

        protected override int OptionBytesCount => 16;

        protected override long RegisterBytes => 0x400;

        protected override void ShowBusy(FlashStore store)
        {
            // BSY goes up one cycle after STRT was written (STM32F10xxx errata): a read of SR right behind the store is too early.
            late = store.Address == RegistersAddress + OffsetControl;
            latePc = store.Pc;
            status |= StatusBusy;
        }

        protected override void Finish()
        {
            late = false;
            status = (status & ~StatusBusy) | StatusEnd;
            control &= ~ControlStart;
        }

        protected override void StoreArray(FlashStore store, uint offset)
        {
            if(!MayProgram(store, ControlProgram))
            {
                return;
            }
            var old = Flash.ReadWord(offset);
            var value = (ushort)store.Value;
            if(IsProtected(offset / PageBytes))
            {
                Refuse(MisuseKind.WriteProtected, StatusProtected, store);
            }
            else if(old != 0xFFFF && value != 0)
            {
                Refuse(MisuseKind.ProgramNotErased, StatusNotErased, store);
            }
            else
            {
                Execute(OperationKind.Program, FlashAddress + offset, BitConverter.GetBytes(old), BitConverter.GetBytes(value), ProgramPs, store, () =>
                {
                    Flash.WriteWord(offset, value);
                    address = FlashAddress + offset;
                });
            }
        }

        protected override void StoreOption(FlashStore store, uint offset)
        {
            if(!MayProgram(store, ControlOptionProgram))
            {
                return;
            }
            if((control & ControlOptionEnabled) == 0 || offset >= OptionBytesCount)
            {
                Refuse(MisuseKind.WriteProtected, StatusProtected, store);
                return;
            }
            var old = BitConverter.ToUInt16(OptionBytes, (int)offset);
            // The controller takes the low byte and computes its complement (PM0075 2.5.2).
            var value = (ushort)((store.Value & 0xFF) | (~store.Value & 0xFF) << 8);
            if(old != 0xFFFF)
            {
                Refuse(MisuseKind.ProgramNotErased, StatusNotErased, store);
                return;
            }
            if(offset == 0 && (value & 0xFF) == Unprotected && ReadProtected)
            {
                if(!ExecuteErase(OperationKind.MassErase, 0, FlashBytes, MassErasePs, store))
                {
                    return;
                }
                Complete();
            }
            Execute(OperationKind.OptionProgram, store.Address, BitConverter.GetBytes(old), BitConverter.GetBytes(value), ProgramPs, store, () => WriteFactory(store.Address, BitConverter.GetBytes(value)));
        }

        // Checks that main flash and option bytes share before a store may program; `enable` is PG or OPTPG.
        private bool MayProgram(FlashStore store, uint enable)
        {
            if(Busy)
            {
                Refuse(MisuseKind.BusyWrite, store);
                Complete();
            }
            if(store.Bytes != 2)
            {
                Refuse((control & enable) != 0 ? MisuseKind.WrongWidth : MisuseKind.NotEnabled, store);
                BusFault(store, "flash takes half-words only");
                return false;
            }
            if((control & enable) == 0)
            {
                Refuse(MisuseKind.NotEnabled, store);
                BusFault(store, enable == ControlProgram ? "PG is clear" : "OPTPG is clear");
                return false;
            }
            if((control & (ControlPageErase | ControlMassErase | ControlOptionErase)) != 0)
            {
                Refuse(MisuseKind.EraseBitLeftSet, store);
                return false;
            }
            if((control & ControlOperations) != enable)
            {
                Refuse(MisuseKind.PgAndPer, store);
                return false;
            }
            return HasClock(store);
        }

        // Without the internal oscillator nothing is programmed or erased, and no flag tells (PM0075 2.3).
        private bool HasClock(FlashStore store)
        {
            if(!clocks.InternalOscillatorRuns)
            {
                Refuse(MisuseKind.ClockOff, store);
                return false;
            }
            return true;
        }

        private uint ReadStatus()
        {
            // A narrow or a wide load: the instruction behind the store is 2 or 4 bytes on.
            var early = late && PcNow() - latePc <= 4;
            late = false;
            return early ? status & ~StatusBusy : status;
        }

        private void WriteKey(FlashStore store)
        {
            if(lockState == LockState.Unlocked)
            {
                return;
            }
            if(lockState == LockState.Locked && store.Value == Key1)
            {
                lockState = LockState.HalfUnlocked;
            }
            else if(lockState == LockState.HalfUnlocked && store.Value == Key2)
            {
                lockState = LockState.Unlocked;
                control &= ~ControlLock;
            }
            else
            {
                lockState = LockState.Dead;
                Refuse(MisuseKind.WrongKey, store);
                BusFault(store, "wrong flash key");
            }
        }

        private void WriteOptionKey(FlashStore store)
        {
            if(lockState != LockState.Unlocked)
            {
                Refuse(MisuseKind.Locked, store);
            }
            else if(optionLockState == LockState.Locked && store.Value == Key1)
            {
                optionLockState = LockState.HalfUnlocked;
            }
            else if(optionLockState == LockState.HalfUnlocked && store.Value == Key2)
            {
                optionLockState = LockState.Locked;
                control |= ControlOptionEnabled;
            }
            else
            {
                optionLockState = LockState.Dead;
                Refuse(MisuseKind.WrongKey, store);
            }
        }

        private void WriteControl(FlashStore store)
        {
            var value = store.Value;
            var optionEnabled = control & value & ControlOptionEnabled; // software can clear it, only keys set it

            if(lockState != LockState.Unlocked)
            {
                if(value != control)
                {
                    Refuse(MisuseKind.Locked, store);
                }
                return;
            }
            control = (value & (ControlPlain | ControlLock | ControlStart)) | optionEnabled;
            if((value & ControlLock) != 0)
            {
                lockState = LockState.Locked;
                optionLockState = LockState.Locked;
                control &= ~(ControlStart | ControlOptionEnabled);
            }
            else if((value & ControlStart) != 0)
            {
                StartErase(store);
            }
        }

        // More than one operation selected is undefined in the manual: nothing is done, and it is recorded.
        private void StartErase(FlashStore store)
        {
            var operation = control & ControlOperations;
            if((operation & (ControlPageErase | ControlMassErase | ControlOptionErase)) != 0 && !HasClock(store))
            {
                operation = 0;
            }
            switch(operation)
            {
            case 0:
            case ControlProgram:
            case ControlOptionProgram:
                break; // STRT triggers erases only
            case ControlPageErase:
                ErasePage(store);
                break;
            case ControlMassErase:
                EraseAll(store);
                break;
            case ControlOptionErase:
                EraseOptions(store);
                break;
            default:
                Refuse(MisuseKind.PgAndPer, store);
                break;
            }
            if(!Busy)
            {
                control &= ~ControlStart;
            }
        }

        private void ErasePage(FlashStore store)
        {
            var offset = address - FlashAddress;
            if(offset >= FlashBytes || IsProtected(offset / PageBytes))
            {
                status |= StatusProtected;
                Refuse(MisuseKind.WriteProtected, address, store.Pc);
                return;
            }
            ExecuteErase(OperationKind.PageErase, offset - offset % PageBytes, PageBytes, PageErasePs, store);
        }

        private void EraseAll(FlashStore store)
        {
            for(uint page = 0; page < FlashBytes / PageBytes; page++)
            {
                if(IsProtected(page))
                {
                    Refuse(MisuseKind.WriteProtected, StatusProtected, store);
                    return;
                }
            }
            ExecuteErase(OperationKind.MassErase, 0, FlashBytes, MassErasePs, store);
        }

        private void EraseOptions(FlashStore store)
        {
            if((control & ControlOptionEnabled) == 0)
            {
                Refuse(MisuseKind.WriteProtected, StatusProtected, store);
                return;
            }
            var erased = new byte[OptionBytesCount];
            for(var index = 0; index < erased.Length; index++)
            {
                erased[index] = 0xFF;
            }
            Execute(OperationKind.OptionErase, OptionAddress, OptionBytes, erased, PageErasePs, store, () => OptionBytes = erased);
        }

        private bool IsProtected(uint page)
        {
            const uint PagesOfReadProtection = 4; // PM0075 2.4.1: write-protected while read protection is on
            return (protection >> (int)(page / pagesPerProtectionBit) & 1) == 0 || (ReadProtected && page < PagesOfReadProtection);
        }

        private void Refuse(MisuseKind kind, uint flag, FlashStore store)
        {
            status |= flag;
            Refuse(kind, store);
        }

        // What the option bytes mean is loaded at reset (PM0075 2.5.1): a byte whose complement does not match counts as 0xFF.
        private void LoadOptions()
        {
            var options = OptionBytes;
            uint error = 0;
            var readProtection = LoadOption(options, 0, ref error);
            optionRegister = (readProtection == Unprotected ? 0u : 2u) | LoadOption(options, 2, ref error) << 2 | LoadOption(options, 4, ref error) << 10 | LoadOption(options, 6, ref error) << 18;
            protection = 0;
            for(var index = 0; index < 4; index++)
            {
                protection |= LoadOption(options, 8 + 2 * index, ref error) << (8 * index);
            }
            optionRegister |= error;
        }

        private static uint LoadOption(byte[] options, int offset, ref uint error)
        {
            var value = options[offset];
            var complement = options[offset + 1];
            if((value ^ complement) == 0xFF)
            {
                return value;
            }
            if(value != 0xFF || complement != 0xFF)
            {
                error = 1;
            }
            return 0xFF;
        }

        private bool ReadProtected => (optionRegister & 2) != 0;

        private LockState lockState;
        private LockState optionLockState;
        private bool late;
        private uint latePc;
        private uint latency;
        private uint status;
        private uint control;
        private uint address;
        private uint optionRegister;
        private uint protection;

        private readonly Stm32f103Clocks clocks;
        private readonly uint pagesPerProtectionBit;

        private const uint RegistersAddress = 0x40022000;
        private const long OffsetStatus = 0x0C;
        private const long OffsetControl = 0x10;
        private const long OffsetAddress = 0x14;
        private const uint Unprotected = 0xA5;
        private const uint LatencyAfterReset = 0x30;
        private const uint Key1 = 0x45670123;
        private const uint Key2 = 0xCDEF89AB;
        private const uint StatusBusy = 0x01;
        private const uint StatusNotErased = 0x04;
        private const uint StatusProtected = 0x10;
        private const uint StatusEnd = 0x20;
        private const uint StatusFlags = StatusNotErased | StatusProtected | StatusEnd;
        private const uint ControlProgram = 0x0001;
        private const uint ControlPageErase = 0x0002;
        private const uint ControlMassErase = 0x0004;
        private const uint ControlOptionProgram = 0x0010;
        private const uint ControlOptionErase = 0x0020;
        private const uint ControlStart = 0x0040;
        private const uint ControlLock = 0x0080;
        private const uint ControlOptionEnabled = 0x0200;
        private const uint ControlOperations = ControlProgram | ControlPageErase | ControlMassErase | ControlOptionProgram | ControlOptionErase;
        private const uint ControlPlain = ControlOperations | 0x0400 | 0x1000;

        private enum LockState
        {
            Locked,
            HalfUnlocked,
            Unlocked,
            Dead, // a wrong key: until the next reset
        }
    }
}
