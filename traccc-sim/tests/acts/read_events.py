"""Lets ACTS read what `traccc simulate` writes: particles, hits, digitization. Needs pyacts 48.1.0 (PyPI).

    python traccc-sim/tests/acts/read_events.py target/debug/traccc

ACTS writes what it read; there must be as many particles and hits as in our files.
"""
import pathlib
import subprocess
import sys
import tempfile

try:
    import acts
    import acts.examples
    import acts.examples.json
except ImportError:
    print("skipped: pyacts is not installed (pip install pyacts==48.1.0)")
    sys.exit(0)

WARNING = acts.logging.WARNING


def lines(folder, ending):
    return [len(path.read_text().splitlines()) for path in sorted(folder.glob(f"event*-{ending}.csv"))]


def check(program, arguments, folder):
    ours, theirs = folder / "ours", folder / "theirs"
    theirs.mkdir()
    command = [program, "simulate", *arguments, "--events", "2", "--output", ours]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120)
    sequencer = acts.examples.Sequencer(events=2, numThreads=1, logLevel=WARNING)
    sequencer.addReader(acts.examples.CsvParticleReader(
        level=WARNING, inputDir=str(ours), inputStem="particles_initial", outputParticles="particles"))
    sequencer.addReader(acts.examples.CsvSimHitReader(
        level=WARNING, inputDir=str(ours), inputStem="hits", outputSimHits="hits"))
    sequencer.addWriter(acts.examples.CsvParticleWriter(
        level=WARNING, inputParticles="particles", outputDir=str(theirs), outputStem="particles"))
    sequencer.addWriter(acts.examples.CsvSimHitWriter(
        level=WARNING, inputSimHits="hits", outputDir=str(theirs), outputStem="hits"))
    sequencer.run()
    assert lines(theirs, "particles") == lines(ours, "particles_initial"), arguments
    assert lines(theirs, "hits") == lines(ours, "hits"), arguments
    [digitization] = ours.glob("*_digitization.json")
    acts.examples.json.readDigiConfigFromJson(str(digitization))
    print(f"{' '.join(arguments)}: {lines(ours, 'hits')} lines of hits")


for sample in (
    ["odd", "--mu", "5", "--hard-scatter", "ttbar", "--nuclear-interactions", "--decays"],
    ["toy", "--particles", "20"],
    ["telescope", "--particles", "5"],
):
    with tempfile.TemporaryDirectory() as name:
        check(sys.argv[1], sample, pathlib.Path(name))
