_base_ = './spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
# Not in the paper: a query sees only the tokens inside its last mask, as in Mask2Former.
model = dict(decode_head=dict(masked_attention=True))
