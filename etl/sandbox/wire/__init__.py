"""TDS 7.4 as bytes ([MS-TDS]): packets, messages, tokens, types and values. No sockets, no threads, no SQL."""
