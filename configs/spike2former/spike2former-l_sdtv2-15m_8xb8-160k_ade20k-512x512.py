_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# The released large model: 200 queries, 9 decoder layers, encoder MLPs of 2048.
model = dict(
    decode_head=dict(
        num_queries=200,
        pixel_decoder=dict(encoder=dict(mlp_ratio=8)),
        transformer_decoder=dict(num_layers=9),
    )
)
train_dataloader = dict(batch_size=8)
