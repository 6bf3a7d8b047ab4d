"""unixODBC and FreeTDS: how they are told what to do, and what is known of them."""
