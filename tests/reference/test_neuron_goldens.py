"""Equality of the neurons with the published ones, case by case."""

import ast
import re
from typing import Any

import pytest
import torch
from golden import goldens
from torch import Tensor

from spikedense.neurons import NILIF, BaseNeuron, build_neuron

#: Case -> the file that holds it; a file of neurons has ``cases`` instead of a state dict.
FILES = {case: g for g in goldens() if 'cases' in g.meta for case in g.meta['cases']}
CASES = {case: g.meta['cases'][case] for case, g in FILES.items()}


class Quant4NILIF(NILIF):
    """The upstream neuron that no model uses: it emits ``n / 32`` and resets by ``n / 4``."""

    def after_reset(self, potential: Tensor, count: Tensor) -> Tensor:
        return self.beta * (potential - count / 4)


def official_call(desc: str) -> tuple[str, dict[str, Any]]:
    """Class and keyword arguments out of a case's description."""
    like = re.match(r'as (\S+) with (\w+)=(\w+)', desc)
    if like:
        base = next(v for k, v in CASES.items() if k.startswith(f'{like[1]}_'))
        name, kwargs = official_call(base['desc'])
        return name, {**kwargs, like[2]: ast.literal_eval(like[3])}
    call = re.search(r'\w+\([^()]*(\(\))?[^()]*\)', desc)[0]
    node = ast.parse(call, mode='eval').body
    values = {
        k.arg: k.value.func.id if isinstance(k.value, ast.Call) else ast.literal_eval(k.value)
        for k in node.keywords
    }
    return node.func.id, values


def our_neuron(name: str, args: dict[str, Any]) -> BaseNeuron | None:
    """Our neuron for an official class; None where the class is not known."""
    stateless = dict(type='NILIF', stateful=False)
    if name == 'Q_IFNode':
        carry = dict(beta=1.0, stateful=False, keep_state=True, detach_reset=False)
        if args['surrogate_function'] == 'Quant4':
            return Quant4NILIF(D=4, norm=32, **carry)
        return NILIF(D=8, **carry)
    if name in ('Multispike_norm', 'MultiSpike_norm4'):
        return build_neuron(dict(stateless, D=args['T']))
    if name == 'MultiSpike_4':
        return build_neuron(dict(stateless, D=4, norm=1))
    if name == 'MultiSpike':
        return build_neuron(dict(stateless, D=args['max_value'], norm=args.get('Norm')))
    if name == 'MultiStepLIFNode':
        return build_neuron(dict(type='LIF', keep_state=True, **args))
    return None


@pytest.mark.skipif(not CASES, reason='no golden numbers: set REFERENCE_DIR to their folder')
@pytest.mark.parametrize('case', CASES)
def test_neuron(case: str) -> None:
    """Spikes exactly, membranes and gradients to 1e-12."""
    name, args = official_call(CASES[case]['desc'])
    neuron = our_neuron(name, args)
    if neuron is None:
        pytest.skip(f'not covered yet: class {name}')
    gold = {
        k.removeprefix(f'{case}__'): torch.from_numpy(v)
        for k, v in FILES[case].arrays.items()
        if k.startswith(f'{case}__')
    }
    calls = range(CASES[case]['calls'])
    key = (lambda stem, i: f'{stem}{i}') if 'x0' in gold else (lambda stem, i: f'{stem}{i + 1}')
    inputs = [gold[key('x', i)].clone().requires_grad_() for i in calls]
    total = 0
    for i in calls:
        out = neuron(inputs[i])
        assert torch.equal(out, gold[key('y', i)])
        if key('v', i) in gold:
            torch.testing.assert_close(
                neuron.membrane.reshape(gold[key('v', i)].shape),
                gold[key('v', i)],
                rtol=0,
                atol=1e-12,
            )
        total = total + (out * gold[key('w', i)]).sum()
    for i, grad in enumerate(torch.autograd.grad(total, inputs)):
        torch.testing.assert_close(grad, gold[key('gx', i)], rtol=0, atol=1e-12)
