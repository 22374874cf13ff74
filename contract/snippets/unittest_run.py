# unittest of a class of the notebook.
# runs: host page
# python: 3.11
# %%
import unittest


class Sums(unittest.TestCase):
    def test_right(self):
        self.assertEqual(1 + 1, 2)


outcome = unittest.main(argv=["notebook"], exit=False, verbosity=2)
outcome.result.wasSuccessful()
