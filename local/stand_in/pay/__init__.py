"""WeChat Pay: orders and refunds of merchants, and the notifier that tells them, signed and sealed."""
