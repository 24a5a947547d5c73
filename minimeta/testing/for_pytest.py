"""Makes pytest tests of a suite, one for each law. pytest is imported only when this is
used.
"""


def parametrize_with_checks(checker, *subjects, **options):
    """A pytest decorator: one test for each law of each subject.

        @parametrize_with_checks(check_map, (MyLayer(3), (7, 3)), (Other(2), (5, 2)))
        def test_my_layers_obey_the_laws(check):
            check()

    A subject is the tuple of the checker's arguments, or its only argument; options are
    the checker's keywords.
    """
    import pytest

    cases = []
    for subject in subjects:
        args = subject if isinstance(subject, tuple) else (subject,)
        suite = checker.suite(*args, **options)
        for law in suite.laws:
            name = f"{suite.subject.partition(', P =')[0]}: {law.name}"
            cases.append(pytest.param(one_law(suite, law.name), id=name))
    return pytest.mark.parametrize("check", cases)


def one_law(suite, name):
    """A function that runs one law, and skips the test where the law does not apply."""
    def run():
        import pytest

        report = suite.run([name])
        if name in report.skipped:
            pytest.skip(report.skipped[name])
        return report.settle()
    return run
