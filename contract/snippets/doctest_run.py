# doctest of a function of the notebook, one example wrong.
# runs: host page
# %%
import doctest


def double(n):
    """Double it.

    >>> double(2)
    4
    >>> double(3)
    7
    """
    return n * 2


doctest.run_docstring_examples(double, {"double": double}, name="double")
