_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Ablation: plain spiking self-attention and MLP in the place of SDTE.
model = dict(
    decode_head=dict(
        pixel_decoder=dict(
            encoder=dict(_delete_=True, type='SpikeEncoderLayer', num_layers=6, mlp_ratio=4)
        )
    )
)
