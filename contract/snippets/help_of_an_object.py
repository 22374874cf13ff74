# A question mark behind a name shows help.
# runs: host page
# %%
def greet(name: str) -> str:
    """Greet somebody."""
    return f"hello {name}"
# %%
greet?
