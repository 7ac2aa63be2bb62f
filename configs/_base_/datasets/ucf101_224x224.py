# UCF101, split 1, frames in folders: see docs/data.md. A clip has a frame of each of 8 segments.
data_root = '{{$DATA_ROOT:data}}/ucf101'
num_classes = 101
num_frames = 8
data_preprocessor = dict(
    type='spikedense.ClipClsDataPreprocessor',
    num_frames=num_frames,
    num_classes=num_classes,
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
)
train_pipeline = [
    dict(type='spikedense.SampleSegments', num_frames=num_frames, random=True),
    dict(type='spikedense.LoadClipFromFiles'),
    dict(type='RandomResizedCrop', scale=224, crop_ratio_range=(0.3, 1.0)),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
__view = [
    dict(type='spikedense.LoadClipFromFiles'),
    dict(type='ResizeEdge', scale=256, edge='short'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='spikedense.SampleSegments', num_frames=num_frames), *__view]
# tools/test.py --tta: the mean score of three clips of a video.
__clips = [
    dict(type='spikedense.SampleDense', num_frames=num_frames, stride=4, clip=i, num_clips=3)
    for i in range(3)
]
tta_pipeline = [dict(type='TestTimeAug', transforms=[__clips, *[[step] for step in __view]])]
__dataset = dict(type='spikedense.UCF101Frames', data_root=data_root, data_prefix='frames')
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(ann_file='ucfTrainTestlist/trainlist01.txt', pipeline=train_pipeline, **__dataset),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(ann_file='ucfTrainTestlist/testlist01.txt', pipeline=test_pipeline, **__dataset),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
