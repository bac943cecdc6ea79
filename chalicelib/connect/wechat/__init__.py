"""api.weixin.qq.com: the brand's Official Account (公众号) and mini-program (小程序)."""
