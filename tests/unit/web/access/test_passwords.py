"""Right and wrong passwords."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import bcrypt
import pytest

from sanctum_exporter.web.access import passwords
from sanctum_exporter.web.access.passwords import Credentials, Passwords, Users, Verdict
from tests.clocks import Clock
from tests.waiting import DEADLINE_SECONDS, eventually

# Of htpasswd, as exporter-toolkit's tests have them: the passwords are carol123 and dave123.
CAROL = "$2y$10$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu"
DAVE = "$2y$10$2UXri9cIDdgeKjBo4Rlpx.U3ZLDV8X1IxKmsfOvhcM5oXQt/mLmXq"


def quick(password: str) -> str:
    """Return a hash that costs next to nothing."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def credentials(user: str, password: str) -> Credentials:
    """Return what a client says."""
    return Credentials(user.encode(), password.encode())


class Bcrypt:
    """Counts and notes what is computed; each waits for ``go`` if it is to."""

    def __init__(self) -> None:
        self.compared: list[bytes] = []
        self.go = Event()
        self.go.set()

    def checkpw(self, password: bytes, stored: bytes) -> bool:
        """Compare as bcrypt does."""
        self.compared.append(stored)
        assert self.go.wait(DEADLINE_SECONDS)
        return bcrypt.checkpw(password, stored)


def users(counting: Any, **hashes: str) -> Users:
    """Return users whose comparisons are counted."""
    made = Users(hashes)
    made.bcrypt = counting
    return made


@pytest.mark.parametrize(
    ("user", "password", "verdict"),
    [
        ("carol", "carol123", Verdict.RIGHT),
        ("dave", "dave123", Verdict.RIGHT),
        ("dave", "carol123", Verdict.WRONG),
        ("dave", "", Verdict.WRONG),
        ("dave", "dave123\0", Verdict.WRONG),
        ("Dave", "dave123", Verdict.WRONG),
        ("", "", Verdict.WRONG),
        ("eve", "dave123", Verdict.WRONG),
    ],
)
def test_the_password_of_a_user_is_right_and_no_other(
    user: str, password: str, verdict: Verdict
) -> None:
    """Hashes of htpasswd are taken, and the answer is the same the second time."""
    known, checked = Users({"carol": CAROL, "dave": DAVE}), Passwords(Clock())
    for _ in range(2):
        assert checked.check(known, "10.0.0.1", credentials(user, password)) is verdict


@pytest.mark.parametrize(
    "text",
    ["", "secret", "$1$abc$def", "{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=", DAVE[:-1], f"{DAVE}x"],
    ids=["nothing", "plain", "md5", "sha", "too short", "too long"],
)
def test_what_is_no_bcrypt_hash_is_refused_without_being_shown(text: str) -> None:
    """The message names the user and what makes a hash."""
    with pytest.raises(ValueError, match=r"^basic_auth_users\.eve: is no bcrypt hash") as refused:
        Users({"dave": DAVE, "eve": text})
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("cost", ["03", "17", "31"])
def test_a_cost_beyond_what_a_scraper_waits_for_is_refused(cost: str) -> None:
    """A hash of cost 31 would take a day."""
    with pytest.raises(ValueError, match=rf"^basic_auth_users\.eve: the cost .* is {int(cost)};"):
        Users({"eve": DAVE.replace("$10$", f"${cost}$")})


def test_a_name_with_a_colon_is_refused() -> None:
    """Nobody could ever say it."""
    with pytest.raises(ValueError, match="a name cannot have a colon"):
        Users({"a:b": DAVE})


def test_nobody_at_all_needs_no_password() -> None:
    """Without users there is nothing to ask for, nor to have installed."""
    assert not Users({})


def test_a_long_password_is_compared_as_htpasswd_hashes_it() -> None:
    """What lies past 72 bytes counts for nothing, as in every bcrypt before."""
    known, checked = Users({"eve": quick("x" * 72)}), Passwords(Clock())
    assert checked.check(known, "a", credentials("eve", "x" * 100)) is Verdict.RIGHT
    assert checked.check(known, "a", credentials("eve", "x" * 71)) is Verdict.WRONG


def test_a_right_password_is_computed_once_and_a_wrong_one_each_time() -> None:
    """Scrapes cost what they cost without a password."""
    counting, checked = Bcrypt(), Passwords(Clock())
    known = users(counting, eve=quick("right"))
    for _ in range(5):
        assert checked.check(known, "a", credentials("eve", "right")) is Verdict.RIGHT
    assert len(counting.compared) == 1
    for _ in range(5):
        assert checked.check(known, "a", credentials("eve", "wrong")) is Verdict.WRONG
    assert len(counting.compared) == 6


def test_what_was_right_for_another_hash_is_not_right_for_this_one() -> None:
    """A changed password, a removed user and a user with another's password are all asked anew."""
    checked = Passwords(Clock())
    before, changed = Users({"eve": quick("old")}), Users({"eve": quick("new")})
    assert checked.check(before, "a", credentials("eve", "old")) is Verdict.RIGHT
    assert checked.check(changed, "a", credentials("eve", "old")) is Verdict.WRONG
    assert checked.check(Users({"bob": quick("x")}), "a", credentials("eve", "old")) is (
        Verdict.WRONG
    )
    both = Users({"eve": quick("old"), "bob": quick("other")})
    assert checked.check(both, "a", credentials("eve", "old")) is Verdict.RIGHT
    assert checked.check(both, "a", credentials("bob", "old")) is Verdict.WRONG


def test_nobody_gets_in_by_making_two_credentials_look_alike() -> None:
    """Whoever knows a hash cannot move its bytes into user or password (CVE-2022-46146)."""
    stored = quick("right")
    checked, known = Passwords(Clock()), Users({"eve": stored})
    assert checked.check(known, "a", credentials("eve", "right")) is Verdict.RIGHT
    for user, password in (
        ("eve" + stored, "right"),
        ("eve", stored + "right"),
        ("ever", "ight"),
        ("ev", "eright"),
        ("eve', b'", "right"),
    ):
        assert checked.check(known, "a", credentials(user, password)) is Verdict.WRONG


def test_nobody_gets_in_by_a_name_that_holds_the_hash_of_another() -> None:
    """Here the parts of both credentials, one after the other, are the same bytes."""
    last = quick("unknown")
    first = quick(f"{last}guess")
    checked, known = Passwords(Clock()), Users({"a": first, f"a{first}": last})
    assert checked.check(known, "x", credentials("a", f"{last}guess")) is Verdict.RIGHT
    assert checked.check(known, "x", credentials(f"a{first}", "guess")) is Verdict.WRONG


def test_an_unknown_user_is_compared_with_a_hash_of_the_same_cost() -> None:
    """The time of an answer does not tell whether there is such a user."""
    counting, checked = Bcrypt(), Passwords(Clock())
    known = users(counting, eve=quick("right").replace("$04$", "$05$"))
    checked.check(known, "a", credentials("eve", "wrong"))
    checked.check(known, "a", credentials("mallory", "wrong"))
    assert [stored[:7] for stored in counting.compared] == [b"$2b$05$", b"$2b$05$"]
    assert len(set(counting.compared)) == 2


def test_wrong_passwords_are_slowed_down_for_their_client_only() -> None:
    """After ten, one a second is looked at, at no cost for others and for what was right once."""
    clock, counting = Clock(), Bcrypt()
    checked = Passwords(clock)
    known = users(counting, eve=quick("right"), bob=quick("bob's"))
    assert checked.check(known, "attacker", credentials("eve", "right")) is Verdict.RIGHT
    verdicts = [
        checked.check(known, "attacker", credentials("eve", f"guess {number}"))
        for number in range(1000)
    ]
    assert verdicts == [Verdict.WRONG] * 10 + [Verdict.TOO_MANY] * 990
    assert len(counting.compared) == 11
    # What is known to be right is, whoever says it.
    assert checked.check(known, "attacker", credentials("eve", "right")) is Verdict.RIGHT
    assert checked.check(known, "other", credentials("bob", "bob's")) is Verdict.RIGHT
    clock.now += 1.01
    assert checked.check(known, "attacker", credentials("eve", "guess")) is Verdict.WRONG
    assert checked.check(known, "attacker", credentials("eve", "guess")) is Verdict.TOO_MANY


def test_nobody_is_locked_out() -> None:
    """A second after any number of wrong passwords, the right one is right."""
    clock, checked = Clock(), Passwords(Clock())
    checked = Passwords(clock)
    known = Users({"eve": quick("right")})
    for number in range(500):
        checked.check(known, "a", credentials("eve", str(number)))
    clock.now += 1.01
    assert checked.check(known, "a", credentials("eve", "right")) is Verdict.RIGHT


def test_right_passwords_cost_nothing_of_what_wrong_ones_may() -> None:
    """Many users behind one address are not slowed down by each other."""
    checked = Passwords(Clock())
    known = Users({f"user {number}": quick("right") for number in range(50)})
    for number in range(50):
        answer = checked.check(known, "a", credentials(f"user {number}", "right"))
        assert answer is Verdict.RIGHT


def test_one_hash_at_a_time_is_computed_and_nobody_waits_for_it() -> None:
    """The training loses one processor at most, and the server one of its places."""
    counting, checked = Bcrypt(), Passwords(Clock())
    known = users(counting, eve=quick("right"), bob=quick("bob's"))
    assert checked.check(known, "b", credentials("bob", "bob's")) is Verdict.RIGHT
    counting.go.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(checked.check, known, "a", credentials("eve", "guess"))
        eventually(lambda: len(counting.compared) == 2)
        for _ in range(50):
            assert checked.check(known, "a", credentials("eve", "right")) is Verdict.TOO_MANY
            assert checked.check(known, "b", credentials("bob", "bob's")) is Verdict.RIGHT
        counting.go.set()
        assert first.result(DEADLINE_SECONDS) is Verdict.WRONG
    assert len(counting.compared) == 2
    # Being sent away costs nothing of what a client may.
    assert checked.check(known, "a", credentials("eve", "right")) is Verdict.RIGHT


def test_a_hundred_right_credentials_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not heard of for longest is computed again; memory does not grow."""
    monkeypatch.setattr(passwords, "_MOST_REMEMBERED", 2)
    counting, checked = Bcrypt(), Passwords(Clock())
    known = users(counting, a=quick("x"), b=quick("x"), c=quick("x"))
    for user in "abac":
        checked.check(known, "client", credentials(user, "x"))
    assert len(counting.compared) == 3
    checked.check(known, "client", credentials("a", "x"))
    assert len(counting.compared) == 3
    checked.check(known, "client", credentials("b", "x"))
    assert len(counting.compared) == 4


def test_without_bcrypt_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the extra of this package."""
    monkeypatch.setitem(__import__("sys").modules, "bcrypt", None)
    with pytest.raises(
        ValueError,
        match=r"^basic_auth_users needs the Python module bcrypt: "
        r"pip install 'sanctum-exporter\[tls\]'$",
    ):
        Users({"dave": DAVE})
