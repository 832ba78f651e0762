# Runs a hook for one person after the other: a line of JSON in, a line of JSON out.
#
# The first line has the code and the log level; then a line for every person, and an empty line where an answer is waited for.
# Answers are lists that begin with a word: ready, syntax, log, done, failed. Every person has a number, which their answer repeats.
import base64
import datetime
import io
import json
import logging
import os
import signal
import sys
import threading
import time

NAMES = ("email", "username", "domain", "firstname", "lastname", "country")
FILE = "<after_mapping_hook>"
HELD_AT_MOST = 0.5
# What the hook says for one person goes into the log up to so many lines, each up to so many characters.
LINES_AT_MOST = 1000
LENGTH_AT_MOST = 10000

# The hook has no part in the conversation: what it prints becomes lines of the log, and there is nothing for it to read.
signal.signal(signal.SIGINT, signal.SIG_IGN)
questions = os.fdopen(os.dup(0), "r", encoding="utf-8", newline="\n")
answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)
saying = threading.RLock()
told = 0


# A copy of this process that the hook makes has no part in it either: what it would say is lost, with its copy of what is not
# written yet.
def silence():
    global saying
    saying = threading.RLock()
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, questions.fileno())
    os.dup2(nowhere, answers.fileno())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=silence)


def say(*answer):
    line = json.dumps(answer, separators=(",", ":")) + "\n"
    with saying:
        answers.write(line)


def tell(level, name, text):
    global told
    for line in text.splitlines() or [""]:
        with saying:
            told += 1
            if told == LINES_AT_MOST + 1:
                say("log", logging.WARNING, "hook", "more than %d lines for one person; the others are left out" % LINES_AT_MOST)
            if told > LINES_AT_MOST:
                return
            line = line[:LENGTH_AT_MOST].encode("utf-8", "backslashreplace").decode("utf-8")
            say("log", level, name, line)


class Lines(io.TextIOBase):
    def __init__(self):
        self.begun = ""

    def writable(self):
        return True

    def write(self, text):
        *lines, self.begun = (self.begun + text).split("\n")
        for line in lines:
            tell(logging.INFO, "hook", line)
        self.begun = self.begun[:LENGTH_AT_MOST]
        return len(text)

    def end(self):
        if self.begun:
            self.write("\n")


class Tell(logging.Handler):
    def emit(self, record):
        try:
            tell(record.levelno, record.name, self.format(record))
        except Exception:
            self.handleError(record)


def check_text(name, value):
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("%s holds half of a character, which is no text" % name) from None


def decoded(value):
    if type(value) is list:
        return [decoded(item) for item in value]
    if type(value) is dict:
        if "bytes" in value:
            return base64.b64decode(value["bytes"])
        try:
            return datetime.datetime.strptime(value["time"], "%Y-%m-%d %H:%M:%S%z")
        except ValueError:
            return value["time"]
    return value


def outcome(scope, before):
    attributes = scope.get("target_attributes")
    if not isinstance(attributes, dict):
        raise TypeError("target_attributes has become %s" % type(attributes).__name__)
    values = [attributes.get(name, value) for name, value in zip(NAMES, before)]
    values.append(attributes.get("identity_type"))
    for name, value in zip(NAMES + ("identity_type",), values):
        if value is not None and not isinstance(value, str):
            raise TypeError("target_attributes['%s'] is neither str nor None but %s" % (name, type(value).__name__))
        if value is not None:
            check_text("target_attributes['%s']" % name, value)
    groups = scope.get("target_groups")
    if not isinstance(groups, (set, frozenset, list, tuple)):
        raise TypeError("target_groups has become %s" % type(groups).__name__)
    for name in groups:
        if not isinstance(name, str):
            raise TypeError("target_groups holds %s" % type(name).__name__)
        check_text("target_groups", name)
    return values, sorted(groups)


def line_of(error):
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def main():
    global told
    start = json.loads(questions.readline())
    try:
        code = compile(start["code"], FILE, "exec")
    except (SyntaxError, ValueError) as error:
        say("syntax", getattr(error, "lineno", None), getattr(error, "msg", str(error)))
        answers.flush()
        return
    say("ready", "%d.%d.%d" % sys.version_info[:3])
    answers.flush()
    handler = Tell()
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(start["level"])
    logger = logging.getLogger("processor")
    sys.stdout = sys.stderr = lines = Lines()
    scope = {"hook_storage": None, "logger": logger, "log_stream": logger}
    flushed = time.monotonic()
    for line in questions:
        if line == "\n":
            answers.flush()
            flushed = time.monotonic()
            continue
        number, attributes, groups, before, targets = json.loads(line)
        told = 0
        for name, value in attributes.items():
            if type(value) is list or type(value) is dict:
                attributes[name] = decoded(value)
        scope["source_attributes"] = attributes
        scope["source_groups"] = set(groups)
        scope["target_attributes"] = dict(zip(NAMES, before))
        scope["target_groups"] = set(targets)
        try:
            exec(code, scope)
            lines.end()
            say("done", number, *outcome(scope, before))
        except BaseException as error:
            text = str(error)
            kind = type(error).__name__
            lines.end()
            say("failed", number, line_of(error), kind + ": " + text if text else kind)
            answers.flush()
            return
        now = time.monotonic()
        if now - flushed > HELD_AT_MOST:
            answers.flush()
            flushed = now


main()
