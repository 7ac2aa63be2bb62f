_base_ = [
    '../_base_/models/fpn_sdtv2_nilif.py',
    '../_base_/models/demo_arch.py',
    '../_base_/datasets/demo_video.py',
    '../_base_/schedules/schedule_300i.py',
    '../_base_/default_runtime.py',
]
# A time step is a frame. The LIF neurons of the backbone remember the frames before. Neck and head read the
# features of each frame alone, in one step, so their neurons are integer.
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        T=_base_.pop('num_frames'),
        clips=True,
        out_time='frames',
        neuron_cfg=dict(_delete_=True, type='LIF', tau=2.0, v_threshold=1.0),
        arch=dict(_delete_=True, **_base_.pop('demo_arch')),
    ),
    neck=dict(in_channels=[8, 16, 32, 96], out_channels=32),
    decode_head=dict(in_channels=[32] * 4, channels=32, num_classes=_base_.pop('num_classes')),
)
