"""The seed of a resumed run."""

from typing import Any

from mmengine.dist import broadcast_object_list
from mmengine.runner import find_latest_checkpoint, set_random_seed

from spikedense.checks.resumed_file import check_resumed_file
from spikedense.weights import Checkpoint, read_checkpoint


def adopt_seed(runner: Any) -> Checkpoint | None:
    """Go on with the seed of the checkpoint, if a run is resumed without a seed.

    mmengine reads the seed after it has built the sampler, which then has another order.

    Args:
        runner: The runner, before it builds its training loop.

    Returns:
        The content of the file if it was read.

    Raises:
        UserError: The file cannot be read, or a field of it is of another kind.
    """
    if not runner._resume:
        return None
    # The processes of several machines take the file that the first one has found.
    names = [runner._load_from or find_latest_checkpoint(runner.work_dir)]
    broadcast_object_list(names)
    runner._load_from = names[0]
    if runner._load_from is None or runner._randomness_cfg.get('seed') is not None:
        return None
    checkpoint = read_checkpoint(runner._load_from)
    check_resumed_file(checkpoint.source, checkpoint)
    seed = (checkpoint.get('meta') or {}).get('seed')
    if seed is not None:
        # A new dictionary: the other may be the default argument of mmengine's runner.
        runner._randomness_cfg = {**runner._randomness_cfg, 'seed': seed}
        # set_randomness() would also make the determinism of the run strict again.
        diff_rank_seed = runner._randomness_cfg.get('diff_rank_seed', False)
        runner._seed = set_random_seed(seed, diff_rank_seed=diff_rank_seed)
    return checkpoint


def keep_seed(runner: Any, checkpoint: Checkpoint) -> None:
    """Keep the seed of the run, which the loaders have, and warn if the checkpoint has another.

    A seed that the user gives is not refused: another order of images is a way around a batch that
    ends a run.

    Args:
        runner: The runner.
        checkpoint: Content of the file; its ``meta`` gets the seed of the run.
    """
    meta, given = checkpoint['meta'], runner._randomness_cfg.get('seed')
    given = runner.seed if given is None else given
    if meta.get('seed') not in (None, given):
        runner.logger.warning(
            f"'{checkpoint.source}' was trained with seed {meta['seed']}, but this run has the "
            f'seed {given}: the images come in another order, some of this epoch twice or '
            'never; without --seed, a resumed run takes the seed of its checkpoint'
        )
    # mmengine would take the seed of the checkpoint for all but the loaders.
    meta['seed'] = given
