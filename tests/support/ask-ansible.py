"""Answers, in one process, what Ansible makes of many inventories. Jobs on stdin, answers on stdout, both JSON.

A job: {"cwd", "args" (of ansible-inventory: -i, -e, vault options), "ask": [["list"] | ["graph", GROUP] |
["host", HOST] | ["select", PATTERN] | ["limit", LIMIT] | ["resolved"]]}.
An answer to each question: {"ok": text or list} or {"error": text}.
"""
import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout

for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
    del os.environ[name]
# no ansible.cfg of this machine or user has a say
os.environ["ANSIBLE_CONFIG"] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ansible.cfg")

from ansible import context  # noqa: E402
from ansible.cli.inventory import InventoryCLI  # noqa: E402
from ansible.parsing.ajson import AnsibleJSONEncoder  # noqa: E402
from ansible.template import Templar  # noqa: E402
from ansible.utils.context_objects import GlobalCLIArgs  # noqa: E402


def cli(args):
    GlobalCLIArgs._Singleton__instance = None
    made = InventoryCLI(["ansible-inventory", *args])
    made.parse()
    return made


def printed(args):
    out = io.StringIO()
    try:
        with redirect_stdout(out):
            cli(args).run()
    except SystemExit as end:
        if end.code not in (0, None):
            raise RuntimeError("exit %s" % end.code)
    return out.getvalue()


def hosts(args, pattern, limit):
    made = cli([*args, "--list"])
    super(InventoryCLI, made).run()
    _, inventory, _ = made._play_prereqs()
    inventory.subset(limit)
    return [str(host) for host in inventory.list_hosts(pattern)]


def resolved(args):
    made = cli([*args, "--list"])
    super(InventoryCLI, made).run()
    loader, inventory, manager = made._play_prereqs()
    answer = {}
    for host in inventory.get_hosts():
        variables = manager.get_vars(host=host, include_hostvars=False, stage="all")
        templar = Templar(loader, variables=variables)
        answer[host.name] = {}
        for name in variables:
            try:
                value = templar.template(variables[name])
                answer[host.name][name] = json.loads(json.dumps(value, cls=AnsibleJSONEncoder, vault_to_text=True))
            except Exception as error:
                answer[host.name][name] = {"error": str(error)}
    return answer


def answer(args, question):
    kind, *rest = question
    if kind == "list":
        return printed([*args, "--list"])
    if kind == "graph":
        return printed([*args, "--graph", *rest])
    if kind == "host":
        return printed([*args, "--host", *rest])
    if kind == "select":
        return hosts(args, rest[0], None)
    if kind == "limit":
        return hosts(args, "all", rest[0])
    if kind == "resolved":
        return resolved(args)
    raise ValueError(kind)


def isolated(job, question):
    """In a child, so that no cache of Ansible outlives a question."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        errors = io.StringIO()
        try:
            os.chdir(job["cwd"])
            with redirect_stderr(errors):
                result = {"ok": answer(job["args"], question)}
        except BaseException as error:
            result = {"error": "%s: %s %s" % (type(error).__name__, error, errors.getvalue())}
        result["warnings"] = errors.getvalue()
        with os.fdopen(write, "w") as pipe:
            json.dump(result, pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text)


jobs = json.load(sys.stdin)
json.dump([[isolated(job, question) for question in job["ask"]] for job in jobs], sys.stdout)
