"""One local server that stands in for every system outside: WeChat, WeCom, WeChat Pay, Duiba, Youzan, Doudian, a
partner whose units points become.

For development only. It keeps their documented limits, error codes, signatures and retries, on a clock of its own, and
lets faults be planted. Nothing in `chalicelib` knows it: callers are given its address instead of the real hosts.
docs/stand-in.md says what it does and does not.
"""
