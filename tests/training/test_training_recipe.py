"""Recipes and hardware: torch does the work, names are checked early."""

import pytest
import torch

from serlib.training import Hardware, Training


def _rates(recipe: Training, epochs: int, steps: int = 4) -> list[float]:
    optimiser = recipe.make_optimiser([torch.nn.Parameter(torch.zeros(1))])
    schedule, every_batch = recipe.make_schedule(optimiser, steps)
    rates = []
    for _ in range(epochs):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        for _ in range(steps if every_batch else 1):
            if schedule is not None:
                schedule.step()
    return rates


def test_schedules_follow_their_formulas():
    assert _rates(Training(3, learning_rate=0.1), 3) == [0.1] * 3
    fading = Training(3, learning_rate=0.01, schedule="exponential", schedule_options={"gamma": 0.9})
    assert _rates(fading, 3) == pytest.approx([0.01, 0.009, 0.0081])
    dropping = Training(70, learning_rate=0.1, schedule="steps", schedule_options={"milestones": [2, 4], "gamma": 0.1})
    assert _rates(dropping, 5) == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])
    cosine = _rates(Training(10, learning_rate=1.0, schedule="cosine"), 10)
    assert cosine[0] == 1.0 and cosine[5] == pytest.approx(0.5) and cosine[-1] < 0.05


def test_cyclic_rate_has_a_cycle_of_two_epochs():
    rates = _rates(Training(6, learning_rate=1.0, schedule="cyclic"), 5)
    assert rates == pytest.approx([0.1, 1.0, 0.1, 1.0, 0.1])


def test_one_cycle_ends_low():
    rates = _rates(Training(10, learning_rate=1.0, schedule="one-cycle"), 10)
    assert max(rates) > 0.9 and rates[-1] < 0.2


@pytest.mark.parametrize(
    "name,kind", [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_optimisers_are_torchs_own(name, kind):
    made = Training(1, optimiser=name, weight_decay=0.1, nesterov=True).make_optimiser(
        [torch.nn.Parameter(torch.zeros(1))]
    )
    assert type(made) is kind and made.param_groups[0]["weight_decay"] == 0.1


@pytest.mark.parametrize(
    "options,message",
    [
        ({"optimiser": "lion"}, "optimiser is 'lion'; allowed are adam, adamw, sgd"),
        ({"schedule": "warm"}, "schedule is 'warm'; allowed are constant, exponential"),
        ({"balancing": "smote"}, "balancing is 'smote'; allowed are none, loss, sampling"),
        ({"learning_rate": 0.0}, "learning_rate=0.0: all must be positive"),
    ],
)
def test_bad_recipes_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Training(1, **options)
    with pytest.raises(ValueError, match="epochs=0"):
        Training(0)


def test_hardware_names_what_there_is():
    assert Hardware.choose("cpu").device == "cpu"
    assert Hardware.choose("cpu", "float32") == Hardware("cpu", "float32", channels_last=False)
    with pytest.raises(ValueError, match="device is 'tpu'; this machine has cpu"):
        Hardware.choose("tpu")
    with pytest.raises(ValueError, match="precision is 'int8'"):
        Hardware.choose("cpu", "int8")


def test_images_are_laid_out_for_bf16():
    placed = Hardware("cpu", "bfloat16", channels_last=True).place(torch.zeros(2, 3, 4, 5))
    assert placed.is_contiguous(memory_format=torch.channels_last)
    with Hardware("cpu", "bfloat16", channels_last=True).context():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
