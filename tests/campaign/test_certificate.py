"""The certificate of a plain sweep, and files that were changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.campaign.certificate import read_certificate
from harness.campaign.sweep_certificate import SweepCertificate, contradictions, verify_sweep_certificate
from harness.cli import run_cli
from harness.oracle.run import Outcome
from harness.scenario.prepare import PrepareOptions, prepare

SCENARIO = "stm32f103/speck-full"
SHORT = "counter-behind"


@pytest.fixture(scope="module", name="file")
def _file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("certificate") / "sweep.json"
    assert run_cli(["sweep", SCENARIO, "--case", SHORT, "--jobs", "1", "--json", "--certificate", str(path)]) == 0
    return path


@pytest.fixture(name="certificate")
def _certificate(file: Path) -> SweepCertificate:
    certificate = read_certificate(file)
    assert isinstance(certificate, SweepCertificate)
    return certificate


def test_it_lists_every_fault_with_its_proof(certificate: SweepCertificate) -> None:
    """As many as were planned, all fired, none broke a rule."""
    counts = certificate.counts

    assert (certificate.finished, certificate.holds, certificate.whole) == (True, True, True)
    assert counts.faults_planned == counts.faults_run == counts.faults_fired == len(certificate.faults) > 0
    assert {row.case for row in certificate.faults} == {certificate.model.case} == {SHORT}


def test_a_sample_holds_when_it_is_made_again(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Through the command line."""
    assert run_cli(["certificate", "verify", str(file), "--sample", "3", "--json"]) == 0

    assert json.loads(capsys.readouterr().out) == {"certificate": str(file), "holds": True, "checked": 3, "changed": False, "different": []}


def test_one_changed_byte_is_noticed(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Even if the sample does not meet it."""
    changed = tmp_path / "changed.json"
    changed.write_text(file.read_text().replace('"faults_fired":64', '"faults_fired":65'))

    assert run_cli(["certificate", "verify", str(changed), "--sample", "1"]) == 1
    assert "changed after it was written" in capsys.readouterr().out


def test_another_outcome_with_a_new_digest_is_found_by_making_it_again(certificate: SweepCertificate) -> None:
    """The digest alone would not show it."""
    forged = certificate.model_copy(update={"faults": [row.model_copy(update={"outcome": Outcome.NEW_VERSION}) for row in certificate.faults]}).sealed()

    checks = list(verify_sweep_certificate(forged, prepare(SCENARIO, PrepareOptions()), sample=2, seed=1))

    assert forged.is_unchanged
    assert [check.difference for check in checks] == ["made again, it has another outcome"] * 2


def test_numbers_that_cannot_be_are_found_without_a_run(certificate: SweepCertificate, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule broken in the list that the sum leaves out, faults that nobody made, a sweep that holds and has violations; all with a digest that fits."""
    first, *others = certificate.faults
    broken = certificate.model_copy(update={"faults": [first.model_copy(update={"rules": ("bootable",)}), *others]}).sealed()
    counts = certificate.counts
    wrong = {
        name: certificate.model_copy(update={"counts": counts.model_copy(update={name: 1})}).sealed() for name in ("faults_run", "faults_fired", "violations")
    }
    path = tmp_path / "forged.json"
    path.write_text(broken.model_dump_json())

    assert list(contradictions(certificate)) == []
    assert list(contradictions(broken)) == ["1 of the listed faults broke a rule, and it says 0"]
    assert all(list(contradictions(forged)) for forged in wrong.values())
    assert run_cli(["certificate", "verify", str(path), "--sample", "1"]) == 1
    assert "1 of the listed faults broke a rule" in capsys.readouterr().out


def test_a_certificate_of_another_build_is_refused(file: Path, tmp_path: Path, certificate: SweepCertificate) -> None:
    """Exit code 2: it says nothing about that one."""
    foreign = tmp_path / "foreign.json"
    foreign.write_text(file.read_text().replace(certificate.build.fingerprint, "0" * 12))

    assert run_cli(["certificate", "verify", str(foreign)]) == 2


def test_a_sample_of_the_plan_is_not_the_whole(tmp_path: Path) -> None:
    """It says so."""
    path = tmp_path / "sample.json"

    run_cli(["sweep", SCENARIO, "--case", SHORT, "--jobs", "1", "--sample", "5", "--json", "--certificate", str(path)])
    certificate = read_certificate(path)

    assert isinstance(certificate, SweepCertificate)
    assert (certificate.whole, certificate.finished, certificate.counts.faults_planned) == (False, True, 5)


def test_a_store_is_told_from_a_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who verifies a store is told how to make its certificate; the command that is named makes one that holds."""
    store, certificate = tmp_path / "sweep.store", tmp_path / "sweep.json"
    slice_of = ["sweep", SCENARIO, "--case", SHORT, "--operations", "0-1", "--jobs", "1", "--json"]
    assert run_cli([*slice_of, "--store", str(store)]) == 0
    assert run_cli(["certificate", "verify", str(store)]) == 2
    assert f"is a store, and no certificate. Write its certificate: harness sweep --resume {store} --certificate" in capsys.readouterr().err

    assert run_cli(["sweep", "--resume", str(store), "--jobs", "1", "--json", "--certificate", str(certificate)]) == 0
    assert run_cli(["certificate", "verify", str(certificate), "--sample", "2"]) == 0


def test_a_part_of_a_plan_is_not_the_whole(tmp_path: Path) -> None:
    """It says which part it is."""
    path = tmp_path / "part.json"

    run_cli(["sweep", SCENARIO, "--case", SHORT, "--jobs", "1", "--shard", "1/2", "--json", "--certificate", str(path)])
    certificate = read_certificate(path)

    assert isinstance(certificate, SweepCertificate)
    assert (certificate.whole, certificate.finished, certificate.model.shard) == (False, True, "1/2")
