"""The transcribed tables: parsed once more from the papers' text, added up, and joined with scores."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serlib import paths
from serlib.protocol import METRICS, published, table_beside
from serlib.protocol.published import DIFFERENCES, GUESSED, PROTOCOLS

PAPERS = Path(__file__).parents[2].parent / "shared" / "papers"
NUMBERS = {"angular": 56, "focal": 50, "multidilated": 35, "center": 6, "dcaen": 50}
FOUR = ["neutral", "happiness", "sadness", "anger"]


def text_of(number: str) -> list[str]:
    """Return the lines of a paper that are not empty; skips where the papers are not at hand."""
    found = sorted(PAPERS.glob(f"{number}_*.txt"))
    if not found:
        pytest.skip("the papers' text is not at ../shared/papers")
    return [
        re.sub(r"[^\S\t]+", " ", line).strip()
        for line in found[0].read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]


def values_of(table: str) -> list[float]:
    return published(table)["value"].dropna().tolist()


# --- what the files look like


@pytest.mark.parametrize("paper", NUMBERS)
def test_columns_and_counts(paper):
    numbers = published(paper)
    assert list(numbers) == ["paper", "table", "row", "method", "corpus", "metric", "value", "std", "note"]
    assert numbers["value"].notna().sum() == NUMBERS[paper]
    assert (numbers["paper"] == paper).all() and numbers[["table", "row", "corpus", "metric"]].notna().all().all()
    assert not numbers.duplicated(["table", "row", "corpus", "metric"]).any()
    assert numbers["value"].dropna().between(0, 100).all()


def test_there_are_five_papers():
    assert sorted(p.stem for p in paths.published_dir().glob("*.csv")) == sorted(NUMBERS)


def test_methods_have_the_names_of_the_house():
    known = {f"focal/{a}-{b}" for a in ("mel", "mfcc") for b in ("softmax", "focal")}
    angular = ["softmax", "m3", "m4", "m5", "m6", "c64", "c63", "c53", "wsampling", "wloss"]
    known |= {f"angular/{net}-{loss}" for net in ("crnn", "tfgap") for loss in angular}
    known |= {"center/mel-center", "center/stft-center"}
    ladder = "gmp ff-gmp ff-spp dilated2 multi multi-attention multi-attention-arcface multi-arcface"
    known |= {f"multidilated/{row}" for row in ladder.split()}
    known |= {"multidilated/spp-1-2-5-10", "multidilated/spp-1-2-5-8-10"}
    known |= {f"dcaen/{m}" for m in ["raw", "ftr-eg", "ftr-em", "e-nc", "e-ceg", "e-uf", "e-c0", "r-c", "dcaen"]}
    known |= {f"dcaen/dcaen-t{t}" for t in (50, 60, 70, 80)}
    assert set(pd.concat(published(p) for p in NUMBERS)["method"].dropna()) == known


def test_the_summary_gives_no_table_only_claims():
    center = published("center")
    assert set(center["table"]) == {"claims"} and set(center["value"]) == {3.0, 4.0} and center["std"].isna().all()
    assert center["metric"].str.startswith("gain:").all()


# --- parsed again, independently


@pytest.mark.parametrize("k", range(1, 7))
def test_angular_tables_are_as_printed(k):
    lines = text_of("000")
    start = next(i for i, line in enumerate(lines) if line.startswith(f"Table {k}: "))
    pair = re.compile(r"^(.*?)\s(\d+\.\d+)±(\d+\.\d+)\s(\d+\.\d+)±(\d+\.\d+)$")
    rows = []
    for line in lines[start + 1 :]:
        if match := pair.match(line):
            rows.append(match.groups())
        elif rows:
            break
    numbers = published(f"angular/table-{k}")
    printed = [(float(v), float(s)) for _, wa, wa_std, ua, ua_std in rows for v, s in ((wa, wa_std), (ua, ua_std))]
    assert list(zip(numbers["value"], numbers["std"], strict=True)) == printed
    assert numbers["metric"].tolist() == ["wa", "ua"] * len(rows)
    labels = [re.sub(r"\W", "", label) for label, *_ in rows]
    assert [re.sub(r"\W", "", row) for row in numbers["row"][::2]] == labels


@pytest.mark.parametrize("k", [1, 4])
def test_focal_accuracies_are_as_printed(k):
    lines = text_of("001")
    start = next(i for i, line in enumerate(lines) if line.startswith(f"Table {k}. "))
    found = [re.search(r"(\d\d\.\d) (\d\d\.\d)$", line) for line in lines[start : start + 9]]
    printed = [float(v) for match in found if match for v in match.groups()]
    assert values_of(f"focal/table-{k}") == printed and len(printed) == {1: 10, 4: 8}[k]


@pytest.mark.parametrize("k", [2, 3])
def test_focal_confusions_are_as_printed(k):
    lines = text_of("001")
    start = next(i for i, line in enumerate(lines) if line.startswith(f"Table {k}. Confusion matrix"))
    rows = [line.split() for line in lines[start + 3 : start + 7]]
    assert [row[0].lower() for row in rows] == FOUR
    printed = [5.4 if cell == "54" else float(cell) for row in rows for cell in row[1:]]
    assert values_of(f"focal/table-{k}") == printed
    assert published(f"focal/table-{k}")["metric"].tolist() == [f"confusion:{a}>{b}" for a in FOUR for b in FOUR]


def test_the_lost_point_is_noted():
    odd = published("focal").query("metric == 'confusion:anger>happiness' and table == 'table-3'").iloc[0]
    assert odd["value"] == 5.4 and odd["note"].startswith("54 in the converted text")
    lines = text_of("001")
    assert "Anger 39.4 54 2.3 52.9" in lines


def test_multidilated_ablation_is_as_printed():
    lines = text_of("002")
    end = next(i for i, line in enumerate(lines) if line.startswith("Table 1. "))
    rows = [re.search(r"(Softmax|ArcFace) (\S+) (\S+)$", line) for line in lines[end - 8 : end]]
    numbers = published("multidilated/table-1")
    for (iemocap, emodb), match in zip(numbers["value"].to_numpy().reshape(8, 2), rows, strict=True):
        assert f"{emodb}" == match[3] and ("-" if np.isnan(iemocap) else f"{iemocap}") == match[2]
    for row, line in zip(numbers["row"][::2], lines[end - 8 : end], strict=True):
        assert line.startswith(row.replace(",", ""))


def test_multidilated_comparison_is_as_printed():
    lines = text_of("002")
    start = lines.index("Research works")
    body = [line.replace("(spectrogram + waveform)", "") for line in lines[start + 3 : start + 12]]
    body = [line.replace("(only spectrogram)", "") for line in body]
    printed = [np.nan if cell == "-" else float(cell) for line in body for cell in line.split()[-2:]]
    numbers = published("multidilated/table-2")
    assert numbers["value"].to_numpy() == pytest.approx(printed, nan_ok=True)
    assert numbers["row"][::2].tolist() == [
        "22", "23", "21", "17", "54", "55", "2 (spectrogram + waveform)", "2 (only spectrogram)", "Our model",
    ]  # fmt: skip
    assert [line.split()[0] for line in body] == ["22", "23", "21", "17", "54", "55", "2", "63.13", "Our"]


def test_multidilated_pooling_is_as_printed():
    lines = text_of("002")
    end = next(i for i, line in enumerate(lines) if line.startswith("Table 3. CNN with FF"))
    body = lines[end - 4 : end]
    printed = [float(v) for line in body for v in line.split()[-2:]]
    assert values_of("multidilated/table-3") == printed
    assert published("multidilated/table-3")["row"][::2].tolist() == [" ".join(line.split()[:-2]) for line in body]


def test_dcaen_models_are_as_printed():
    lines = text_of("004")
    start = next(i for i, line in enumerate(lines) if line.startswith("Models\tRaw"))
    names, *rows = [re.sub(r"</?b>|%", "", line).split("\t") for line in lines[start : start + 6]]
    numbers = published("dcaen/table-1")
    assert numbers["row"].unique().tolist() == [n.replace("E_CO", "E_C0") for n in names[1:]]
    words = {"Sad": "recall:sadness", "Happy": "recall:happiness", "Angry": "recall:anger", "Neutral": "recall:neutral"}
    for label, *cells in rows:
        chosen = numbers[numbers["metric"] == (words | {"UAR": "ua"})[label]]
        assert chosen["value"].tolist() == [float(c) for c in cells] and len(cells) == 9


def test_dcaen_thresholds_are_as_printed():
    lines = text_of("004")
    start = lines.index("Threshold\tUAR")
    rows = [line.rstrip("%").split("\t") for line in lines[start + 1 : start + 6]]
    numbers = published("dcaen/table-2")
    assert numbers["row"].tolist() == [label for label, _ in rows]
    assert numbers["value"].tolist() == [float(value) for _, value in rows]


def test_center_claims_are_in_the_summary():
    text = "\n".join(text_of("003"))
    assert "(UA) by over 3% for Mel-spectrograms" in text and "(WA) by over 3% for Mel-spectrograms" in text
    assert "both UA and WA by over 4% for STFT spectrograms" in text and "accuracy by 3-4%" in text
    claims = published("center/claims").dropna(subset="method")
    gains = claims.groupby("method")["value"].unique().map(list).to_dict()
    assert gains == {"center/mel-center": [3.0], "center/stft-center": [4.0]}


# --- added up


@pytest.mark.parametrize(("k", "method", "exact"), [(2, "focal/mfcc-softmax", 56.90), (3, "focal/mfcc-focal", 66.675)])
def test_focal_confusions_give_the_class_accuracies(k, method, exact):
    matrix = np.array(values_of(f"focal/table-{k}")).reshape(4, 4)
    assert matrix.sum(axis=1) == pytest.approx(100, abs=0.11)
    stated = published("focal/table-4").query("method == @method and metric == 'ua'")["value"].item()
    assert np.diagonal(matrix).mean() == pytest.approx(exact, abs=1e-9)
    assert round(np.diagonal(matrix).mean() + 1e-9, 1) == stated


def test_focal_overall_accuracy_does_not_follow_from_its_confusions():
    shares = np.array([48.8, 12.3, 26.9, 12.0]) / 100
    overall = {k: shares @ np.diagonal(np.array(values_of(f"focal/table-{k}")).reshape(4, 4)) for k in (2, 3)}
    assert overall[2] == pytest.approx(70.7, abs=0.05)
    assert overall[3] == pytest.approx(73.8, abs=0.05)
    note = published("focal/table-4").query("method == 'focal/mfcc-focal' and metric == 'wa'")["note"].item()
    assert "73.8" in note


def test_dcaen_recalls_give_the_uars():
    table = published("dcaen/table-1").pivot(index="row", columns="metric", values="value")
    means = table.filter(like="recall:").mean(axis=1)
    assert means["DCaEN"] == pytest.approx(59.3075)
    assert (means - table["ua"]).abs().max() < 0.0076  # printed to two digits
    learnable = published("dcaen/table-2").query("method == 'dcaen/dcaen'")["value"].item()
    assert learnable == table.loc["DCaEN", "ua"]


@pytest.mark.parametrize("paper", ["angular", "focal", "multidilated"])
def test_a_number_that_is_printed_twice_is_the_same(paper):
    numbers = published(paper).dropna(subset=["method", "value"])
    numbers = numbers[~numbers["metric"].str.startswith("confusion") & ~(numbers["row"].str.match(r"^1(,| \()"))]
    different = numbers.groupby(["method", "corpus", "metric"])["value"].nunique()
    assert (different == 1).all()
    assert (numbers.groupby(["method", "corpus", "metric"]).size() > 1).any()


def test_best_rows_are_the_best_of_their_tables():
    for part, source, rows in [(3, 1, "m = "), (4, 2, "m = "), (5, 3, "mah"), (6, 4, "mah")]:
        printed, table = published(f"angular/table-{source}"), published(f"angular/table-{part}")
        candidates = printed[printed["row"].str.startswith(rows)]
        word = "class-agnostic best" if rows == "m = " else "class-specific best"
        for metric in ("wa", "ua"):
            best = candidates[candidates["metric"] == metric].sort_values("value").iloc[-1]
            shown = table[(table["row"] == word) & (table["metric"] == metric)].iloc[0]
            assert (shown["value"], shown["std"], shown["method"]) == (best["value"], best["std"], best["method"])


# --- reading and joining


def test_unknown_paper_and_table_list_what_there_is(make_scores):
    with pytest.raises(
        ValueError, match="unknown paper 'facal'; there are angular, center, dcaen, focal, multidilated"
    ):
        published("facal/table-4")
    with pytest.raises(ValueError, match="unknown table 'focal/table-9'; focal has table-1, table-2, table-3, table-4"):
        published("focal/table-9")
    with pytest.raises(
        ValueError, match="focal/mfcc-focal has no row in center/claims; methods there are center/mel-cen"
    ):
        make_scores().beside_published("center/claims")


def test_beside_published_joins_accuracies(make_scores):
    scores = make_scores(corpus="iemocap", scheme="stratified-5", profile="paper", seeds=(0, 1))
    beside, summary = scores.beside_published("focal/table-4"), scores.summary()
    assert list(beside["metric"]) == ["wa", "ua"] and list(beside["published"]) == [74.6, 66.7]
    assert list(beside["measured"]) == [summary.loc["WA", "pooled"], summary.loc["UA", "pooled"]]
    assert list(beside["low"]) == [summary.loc["WA", "low"], summary.loc["UA", "low"]]
    assert list(beside["measured_std"]) == [summary.loc["WA", "seed_std"], summary.loc["UA", "seed_std"]]
    assert not beside["comparable"].any() and (beside["scores"] == scores.label).all()
    dev, guessed, odd = beside["note"].iloc[0].split("; ")
    assert dev == "protocol: no dev part is mentioned there, here it is an eighth of the training folds"
    assert guessed.startswith("not printed, so guessed: gamma, optimiser")
    assert odd == "the diagonal of Table 3 with the stated class shares gives 73.8"
    assert beside["note"].iloc[1] == f"{dev}; {guessed}"


def test_beside_published_joins_confusions_and_recalls(make_scores):
    scores = make_scores(corpus="iemocap", scheme="stratified-5", profile="paper")
    beside = scores.beside_published("focal/table-3").set_index("metric")
    rates = scores.confusion(normalise=True)
    assert beside.loc["confusion:anger>happiness", "measured"] == rates.loc["anger", "happiness"]
    assert beside["measured"].notna().all() and beside["low"].isna().all()
    recalls = make_scores(method="dcaen/raw").beside_published("dcaen/table-1").set_index("metric")["measured"]
    assert recalls["recall:sadness"] == pytest.approx(scores.per_class().loc["sadness", "recall"])


def test_a_class_that_the_corpus_lacks_has_no_measured_value(make_scores):
    scores = make_scores()
    table = scores.predictions.replace("sadness", "boredom")
    other = make_scores(predictions=table, classes=("anger", "boredom", "happiness", "neutral"))
    beside = other.beside_published("focal/table-3").set_index("metric")["measured"]
    assert beside[[m for m in beside.index if "sadness" in m]].isna().all()
    assert beside["confusion:anger>anger"] == pytest.approx(scores.per_class().loc["anger", "recall"])


FAIR = {"method": "multidilated/multi", "corpus": "emodb", "scheme": "leave-one-speaker-out", "profile": "paper"}
WHOLE = {"speakers": 5, "per_speaker": 107}  # as many utterances as EMO-DB


def test_where_all_is_as_in_the_paper_the_note_still_says_what_had_to_be_guessed(make_scores):
    beside = make_scores(**FAIR, **WHOLE).beside_published("multidilated/table-1")
    assert beside["corpus"].tolist() == ["emodb"] and beside["comparable"].item()
    assert beside["note"].item().startswith("not printed, so guessed: optimiser, batch, epochs")
    ended = make_scores(**FAIR, **WHOLE, manifests=[{"notes": {"converged": True, "chosen_epoch": 7}}])
    assert ended.beside_published("multidilated/table-1")["comparable"].item()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"corpus": "made"}, r"corpus: emodb \(all recordings\) there, made here"),
        ({"scheme": "speaker-folds-5"}, "protocol: leave-one-speaker-out there, speaker-folds-5 here"),
        ({"profile": "quick"}, "quick profile: shows that the path works, claims nothing"),
        ({"profile": "study"}, "study profile: a smaller recipe"),
        ({"synthetic": True, "corpus": "synthetic"}, "synthetic speech: never compared"),
        ({"method": "multidilated/multi+strong"}, r"recipe: another than the paper's, \+strong"),
        ({"method": "multidilated/multi+strong+speaker"}, r"recipe: another than the paper's, \+strong\+speaker"),
        ({"manifests": [{"notes": {"converged": c}} for c in (False, True)]}, "train UA still climbed in 1 of 2 runs"),
        (
            {"manifests": [{"notes": {"converged": True, "chosen_epoch": None}}]},
            "the epoch with the best dev UA is kept",
        ),
        ({"speakers": 4}, "utterances: 535 there, 428 here"),
    ],
)
def test_what_keeps_scores_from_being_compared_is_said(make_scores, options, words):
    beside = make_scores(**FAIR | WHOLE | options).beside_published("multidilated/table-1").query("corpus == 'emodb'")
    assert not beside["comparable"].item() and np.isfinite(beside["measured"].item())
    assert beside["note"].str.contains(words).item()


@pytest.mark.parametrize(
    ("method", "table", "scheme", "words"),
    [
        ("angular/crnn-m4", "angular/table-1", "session-speaker-10", "5 folds there, .* here both ways, 10 folds"),
        ("focal/mfcc-focal", "focal/table-4", "stratified-5", "no dev part is mentioned there, here it is an eighth"),
        ("dcaen/raw", "dcaen/table-1", "leave-one-session-out", "four sessions train there .* here three train"),
        ("center/mel-center", "center/claims", "leave-one-session-out", "unknown, only a summary is at hand"),
        ("multidilated/multi", "multidilated/table-1", "session-speaker-10", None),
    ],
)
def test_a_scheme_of_the_same_name_may_differ_in_its_parts(make_scores, method, table, scheme, words):
    options = {"method": method, "scheme": scheme, "profile": "paper", "corpus": "iemocap"}
    rows = make_scores(**options).beside_published(table).query("corpus == 'iemocap'")
    differing = rows["note"].str.contains(f"protocol: {words or ''}")
    assert differing.all() if words else not differing.any()
    assert rows["note"].str.contains("not printed, so guessed: ").all()
    assert not rows["comparable"].any() or words is None


def test_every_paper_says_what_it_did_and_what_was_guessed():
    assert set(GUESSED) == {paper for paper, _ in PROTOCOLS} == set(NUMBERS) and set(DIFFERENCES) < set(GUESSED)
    assert not any("; " in words for words in (*GUESSED.values(), *DIFFERENCES.values()))  # it parts the note


def test_a_corpus_of_no_paper_stands_at_all_rows(make_scores):
    elsewhere = make_scores(**FAIR | {"corpus": "made"}).beside_published("multidilated/table-1")
    assert elsewhere["corpus"].tolist() == ["iemocap", "emodb"]


def test_claims_have_nothing_to_stand_beside(make_scores):
    beside = make_scores(method="center/mel-center", corpus="iemocap", profile="paper").beside_published(
        "center/claims"
    )
    assert beside["measured"].isna().all() and not beside["comparable"].any()


def test_table_beside_keeps_every_published_row(make_scores):
    a = make_scores()
    b = make_scores(method="focal/mel-softmax", draw=3)
    twice = make_scores(scheme="stratified-5")
    beside = table_beside([a, b, twice, make_scores(method="angular/crnn-m3")], "focal/table-4")
    assert list(beside) == [
        "table", "row", "method", "corpus", "metric", "published", "published_std",
        "scores", "measured", "low", "high", "measured_std", "comparable", "note",
    ]  # fmt: skip
    assert beside["method"].value_counts().to_dict() == {
        "focal/mfcc-focal": 4, "focal/mel-softmax": 2, "focal/mel-focal": 2, "focal/mfcc-softmax": 2,
    }  # fmt: skip
    missing = beside[beside["method"] == "focal/mel-focal"]
    assert missing["measured"].isna().all() and (missing["note"] == "not measured").all()
    assert not missing["comparable"].any() and missing["published"].tolist() == [74.2, 64.3]
    empty = table_beside([], "focal/table-4")
    assert list(empty) == list(beside) and len(empty) == 8


def test_metrics_of_the_files_are_known():
    metrics = set(pd.concat(published(p) for p in NUMBERS)["metric"])
    kinds = {m.partition(":")[0] for m in metrics}
    assert kinds == {*METRICS, "recall", "confusion", "gain"} - {"macro_f1"}
