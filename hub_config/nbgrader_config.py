"""How courses are authored: nbgrader's format, with our words in what trainees see.

A course's server finds it beside the course (`courses/README.md`). Only authoring is set here: release, submission and
grading are the Academy's, so nbgrader's own exchange, a folder that everyone can write to, is given no place.
"""

c = get_config()  # noqa: F821

# What stands where a solution was, in both languages.
c.ClearSolutions.code_stub = {
    "python": "# Your answer here · 请在此作答\nraise NotImplementedError()",
    "R": "# Your answer here · 请在此作答\nstop('No answer given')",
}
c.ClearSolutions.text_stub = "Your answer here · 请在此作答"

# A hidden test stays between these lines of a source notebook and never leaves the course's server.
c.ClearHiddenTests.begin_test_delimeter = "BEGIN HIDDEN TESTS"
c.ClearHiddenTests.end_test_delimeter = "END HIDDEN TESTS"
c.ClearHiddenTests.enforce_metadata = True

# A cell that runs longer than this many seconds is a mistake in an exercise, or in an answer.
c.ExecutePreprocessor.timeout = 120

# Data and images that an assignment brings; what a trainee hands in must not fill a disk (in kilobytes).
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback"]
c.CourseDirectory.max_file_size = 20_000
c.CourseDirectory.max_dir_size = 100_000

c.Exchange.root = "/nonexistent/nbgrader-exchange"
