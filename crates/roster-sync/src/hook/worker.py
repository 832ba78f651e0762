# Runs a hook for one person after the other: a line of JSON in, a line of JSON out.
#
# The first line has the code and the log level; then a line for every person, and an empty line where an answer is waited for.
# Answers are lists that begin with a word: ready, syntax, log, done, failed.
import base64
import datetime
import io
import json
import logging
import os
import signal
import sys
import time

NAMES = ("email", "username", "domain", "firstname", "lastname", "country")
FILE = "<after_mapping_hook>"
HELD_AT_MOST = 0.5

# The hook has no part in the conversation: what it prints becomes lines of the log, and there is nothing for it to read.
signal.signal(signal.SIGINT, signal.SIG_IGN)
questions = os.fdopen(os.dup(0), "r", encoding="utf-8", newline="\n")
answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)


def say(*answer):
    answers.write(json.dumps(answer, separators=(",", ":")))
    answers.write("\n")


class Lines(io.TextIOBase):
    def __init__(self):
        self.begun = ""

    def writable(self):
        return True

    def write(self, text):
        *lines, self.begun = (self.begun + text).split("\n")
        for line in lines:
            say("log", logging.INFO, "hook", line)
        return len(text)


class Tell(logging.Handler):
    def emit(self, record):
        say("log", record.levelno, record.name, self.format(record))


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
    groups = scope.get("target_groups")
    if not isinstance(groups, (set, frozenset, list, tuple)):
        raise TypeError("target_groups has become %s" % type(groups).__name__)
    for name in groups:
        if not isinstance(name, str):
            raise TypeError("target_groups holds %s" % type(name).__name__)
    return values, sorted(groups)


def line_of(error):
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def main():
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
    sys.stdout = sys.stderr = Lines()
    scope = {"hook_storage": None, "logger": logger, "log_stream": logger}
    flushed = time.monotonic()
    for line in questions:
        if line == "\n":
            answers.flush()
            flushed = time.monotonic()
            continue
        attributes, groups, before, targets = json.loads(line)
        for name, value in attributes.items():
            if type(value) is list or type(value) is dict:
                attributes[name] = decoded(value)
        scope["source_attributes"] = attributes
        scope["source_groups"] = set(groups)
        scope["target_attributes"] = dict(zip(NAMES, before))
        scope["target_groups"] = set(targets)
        try:
            exec(code, scope)
            say("done", *outcome(scope, before))
        except BaseException as error:
            text = str(error)
            kind = type(error).__name__
            say("failed", line_of(error), kind + ": " + text if text else kind)
            answers.flush()
            return
        now = time.monotonic()
        if now - flushed > HELD_AT_MOST:
            answers.flush()
            flushed = now


main()
