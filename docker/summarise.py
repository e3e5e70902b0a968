"""Follows and sums up tests that speak the words of `go test -json`.

summarise.py follow FILE   reads results on stdin, prints a line per package and failures in full, appends all to FILE
summarise.py record FILE PACKAGE TEST STATUS   adds a check that is not a Go test; STATUS is its exit status
summarise.py close FILE    prints what failed and the count, which is the last line; exit status 1 when anything failed
"""

import json
import sys
from collections import defaultdict


def events(lines):
    """The events in lines; what is no event passes through to the terminal."""
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict) and "Action" in event:
            yield event
        else:
            print(line, end="", flush=True)


def short(package: str) -> str:
    return package.removeprefix("darkfield/").split(" [")[0]


def follow(path: str) -> int:
    """Prints results as they come. What a test printed is kept until it is known whether the test failed."""
    kept, counts = defaultdict(list), defaultdict(lambda: defaultdict(int))
    with open(path, "a") as file:
        for event in events(sys.stdin):
            package, test, action = event.get("Package") or event.get("ImportPath", ""), event.get("Test", ""), event["Action"]
            if action in ("pass", "fail", "skip") or action.startswith("build-"):
                file.write(json.dumps(event) + "\n")
            if action in ("output", "build-output"):
                if action == "build-output":
                    print(event["Output"], end="", flush=True)
                kept[package, test].append(event["Output"])
            elif action in ("pass", "fail", "skip") and test:
                counts[package][action] += 1
                printed = kept.pop((package, test), [])
                if action == "fail":
                    print(f"--- FAIL {short(package)} {test}\n" + "".join(printed), end="", flush=True)
            elif action in ("pass", "fail", "skip"):
                count = counts[package]
                if action == "fail":
                    # A panic or a timeout prints outside any test.
                    print("".join(kept[package, ""]), end="")
                if action == "skip" or (action == "pass" and not sum(count.values())):
                    continue  # no tests
                skipped = f", {count['skip']} skipped" if count["skip"] else ""
                print(f"{'ok  ' if action == 'pass' else 'FAIL'} {short(package):28s} {event.get('Elapsed', 0):7.1f} s  {count['pass']} passed{skipped}", flush=True)
    return 0


def record(path: str, package: str, test: str, status: str) -> int:
    action = {"0": "pass", "skip": "skip"}.get(status, "fail")
    with open(path, "a") as file:
        file.write(json.dumps({"Action": action, "Package": package, "Test": test}) + "\n")
    return 0


def close(path: str) -> int:
    results, packages = {}, {}
    with open(path) as file:
        for event in events(file):
            package, action = event.get("Package") or event.get("ImportPath", ""), event["Action"]
            if action in ("pass", "fail", "skip"):
                (results if event.get("Test") else packages)[package, event.get("Test", "")] = action
    # A package that does not build, panics or runs out of time fails without a test that says so.
    blamed = {package for (package, _), action in results.items() if action == "fail"}
    for (package, _), action in packages.items():
        if action == "fail" and package not in blamed:
            results[package, "(package)"] = "fail"
    # A failed subtest fails its parents: only the leaves are counted.
    parents = {(package, test.rsplit("/", 1)[0]) for package, test in results if "/" in test}
    for leaf in list(parents):
        package, test = leaf
        while "/" in test:
            test = test.rsplit("/", 1)[0]
            parents.add((package, test))
    failed_under = {
        (package, "/".join(test.split("/")[: i + 1]))
        for (package, test), action in results.items()
        if action == "fail" and "/" in test
        for i in range(test.count("/"))
    }
    counts = defaultdict(int)
    for key, action in sorted(results.items()):
        if key in parents and not (action == "fail" and key not in failed_under):
            continue
        counts[action] += 1
        if action == "fail":
            print(f"failed: {short(key[0])} {key[1]}")
    print(f"darkfield: {counts['pass']} passed, {counts['fail']} failed, {counts['skip']} skipped")
    return 1 if counts["fail"] or not counts["pass"] else 0


if __name__ == "__main__":
    sys.exit({"follow": follow, "record": record, "close": close}[sys.argv[1]](*sys.argv[2:]))
