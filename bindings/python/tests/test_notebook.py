"""The generated module against the built library."""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from haversack import (
    BirthBand,
    Client,
    ContactFilter,
    Direction,
    HardwareFailure,
    HardwareKey,
    HaversackError,
    Line,
    NewContact,
    Notebook,
    Owed,
    Person,
    Role,
    Site,
    Who,
    code_parts,
    request_lifetime,
    suggest_passphrase,
    version,
    wipe,
)

PASSPHRASE = b"six words or more, please"
SITE = "KM-V"
DAY = "2008-02-04"
ALL_CONTACTS = ContactFilter(_from=None, to=None, newest=None)


def new_contact(who: Who) -> NewContact:
    """Five syringes out and three back."""
    lines = [
        Line(direction=Direction.OUT, item="syringe_fixed_1ml", quantity=5),
        Line(direction=Direction.IN, item="used_mixed", quantity=3),
    ]
    return NewContact(who=who, site=SITE, mode=None, lines=lines, services=["education"], duration=None)


@contextlib.contextmanager
def relay(data: Path):
    """Runs the command `haversack` as a relay on a free port and gives its address."""
    command = [os.environ["HAVERSACK_BIN"], "--json", "relay", "serve", "--stop-with-stdin"]
    command += ["--listen", "127.0.0.1:0", "--data", str(data)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield json.loads(process.stdout.readline())["url"]
        process.stdin.close()
        assert process.wait() == 0


class Hardware(HardwareKey):
    """Stands in for a phone's key store."""

    is_gone = False

    def bind(self, stretched):
        if self.is_gone:
            raise HardwareFailure.Gone()
        return bytes(byte ^ 0x5A for byte in stretched)


class InFolder(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def coordinator(self) -> Notebook:
        notebook = Notebook.create(str(self.folder / "coordinator"), PASSPHRASE)
        notebook.found_space()
        notebook.put_site(Site(code=SITE, kind="mobile_van", setting=None, closes_minutes=1020))
        return notebook

    def phone(self, coordinator: Notebook) -> Notebook:
        phone = Notebook.create(str(self.folder / "phone"), PASSPHRASE)
        invitation = coordinator.invite(phone.request_to_join(), Role.EDUCATOR)
        self.assertEqual(phone.join(invitation.answer), invitation.words)
        self.assertTrue(phone.import_bundle(coordinator.export_bundle()).whole)
        return phone


class OneDevice(InFolder):
    def test_version_is_three_numbers(self):
        self.assertTrue(re.fullmatch(r"\d+\.\d+\.\d+", version()))

    def test_a_contact_is_logged_shown_and_counted(self):
        notebook = self.coordinator()
        birth = BirthBand(first_year=1980, years=5)
        client = Client(label="LOTUS-27", sex="F", birth=birth, injections_a_day=2, status=None)
        [client_id] = notebook.add_clients([client])
        self.assertEqual(notebook.clients()[0].client, client)

        [contact_id] = notebook.log(DAY, [new_contact(Who.CLIENT(client_id))])
        [contact] = notebook.contacts(ALL_CONTACTS)
        self.assertEqual((contact.id, contact.mode, contact.sets), (contact_id, "van", 5))
        self.assertEqual(contact.person, Person.CLIENT(client_id))
        report = notebook.report("2008-02-01", "2008-03-01")
        self.assertEqual((report.indicators.returned, report.indicators.return_pct), (3, "60.0"))

    def test_records_outlive_the_notebook(self):
        notebook = self.coordinator()
        notebook.log(DAY, [new_contact(Who.COUNT(1))])
        notebook.lock()
        with self.assertRaises(HaversackError.Unlock):
            notebook.status()
        path = str(self.folder / "coordinator")
        with self.assertRaises(HaversackError.Unlock):
            Notebook.open(path, b"not this one")
        self.assertEqual(Notebook.open(path, PASSPHRASE).status().contacts, 1)

    def test_a_device_s_own_key_is_needed_and_can_be_lost(self):
        path, key = str(self.folder / "bound"), Hardware()
        with self.assertRaisesRegex(HaversackError.FixInput, "too weak"):
            Notebook.create_bound(path, b"12345678", key, 10)
        notebook = Notebook.create_bound(path, b"13572468", key, 10)
        code = notebook.add_recovery()
        self.assertEqual(len(code.split()), 12)
        notebook.rehearse_recovery(code.upper())
        notebook.lock_at_once()
        Notebook.open_bound(path, b"13572468", key).lock()
        with self.assertRaises(HaversackError.Unlock):
            Notebook.open(path, b"13572468")
        key.is_gone = True
        with self.assertRaisesRegex(HaversackError.Unlock, "hardware"):
            Notebook.open_bound(path, b"13572468", key)
        words = suggest_passphrase()
        recovered = Notebook.open_with_recovery(path, code)
        recovered.change_passphrase(words, None)
        recovered.lock()
        Notebook.open(path, words).lock()

    def test_a_notebook_locks_itself_and_is_wiped(self):
        notebook = self.coordinator()
        asyncio.run(notebook.lock_when_idle(0))
        with self.assertRaises(HaversackError.Unlock):
            notebook.status()
        path = str(self.folder / "coordinator")
        notebook = Notebook.open(path, PASSPHRASE)
        wipe(path)
        with self.assertRaises(HaversackError.FixInput):
            notebook.change_passphrase(suggest_passphrase(), None)
        notebook.lock_at_once()
        with self.assertRaisesRegex(HaversackError.FixInput, "no store"):
            Notebook.open(path, PASSPHRASE)

    def test_the_duress_passphrase_destroys(self):
        notebook = self.coordinator()
        duress = b"wild geese over an empty river tonight"
        notebook.set_duress(duress, None)
        notebook.clear_duress()
        notebook.set_duress(duress, None)
        notebook.lock()
        path = str(self.folder / "coordinator")
        with self.assertRaises(HaversackError.JoinSpace):
            Notebook.open(path, duress).members()
        with self.assertRaises(HaversackError.Unlock):
            Notebook.open(path, PASSPHRASE)

    def test_so_many_wrong_passphrases_wipe(self):
        notebook = self.coordinator()
        with self.assertRaisesRegex(HaversackError.FixInput, "3 wrong attempts"):
            notebook.set_wipe_after(2)
        notebook.set_wipe_after(3)
        self.assertEqual(notebook.wipe_after(), 3)
        notebook.lock()
        path = str(self.folder / "coordinator")
        for error in (HaversackError.Unlock, HaversackError.Unlock, HaversackError.FixInput):
            with self.assertRaises(error):
                Notebook.open(path, b"not this one")

    async def test_a_request_that_nobody_answered_is_forgotten(self):
        phone = Notebook.create(str(self.folder / "phone"), PASSPHRASE)
        self.assertGreater(request_lifetime(), 0)
        self.assertEqual(phone.request_to_join(), phone.pending_request())
        await phone.forget_request_after(0)
        self.assertIsNone(phone.pending_request())
        with self.assertRaises(HaversackError.FixInput):
            phone.forget_request()

    def test_the_root_key_goes_on_paper(self):
        notebook = self.coordinator()
        shares = notebook.split_root(2, 3)
        self.assertTrue(all(share.startswith(b"HSS1-") for share in shares))
        notebook.rehearse_root(shares[1:])
        notebook.forget_root()
        self.assertFalse(notebook.keeps_root())
        with self.assertRaisesRegex(HaversackError.FixInput, "of the 2 shares"):
            notebook.use_root(shares[:1])
        notebook.use_root(shares[:2])
        notebook.replace_root()
        with self.assertRaisesRegex(HaversackError.FixInput, "replaced"):
            notebook.rehearse_root(shares)

    def test_what_is_not_taken_is_not_saved(self):
        notebook = self.coordinator()
        good = new_contact(Who.COUNT(1))
        with self.assertRaisesRegex(HaversackError.FixInput, "date must"):
            notebook.log("yesterday", [good])
        with self.assertRaises(HaversackError.FixInput):
            notebook.log(DAY, [good, new_contact(Who.CLIENT("Wang Xiaoming"))])
        self.assertEqual(notebook.status().contacts, 0)


class Team(InFolder):
    def test_a_team_shares_by_file(self):
        coordinator = self.coordinator()
        phone = self.phone(coordinator)
        phone.log(DAY, [new_contact(Who.ANONYMOUS("F", "25+"))])
        self.assertEqual(coordinator.import_bundle(phone.export_bundle()).contacts, 1)
        self.assertEqual(coordinator.contacts(ALL_CONTACTS), phone.contacts(ALL_CONTACTS))

    async def test_a_team_shares_through_a_relay(self):
        coordinator = self.coordinator()
        phone = self.phone(coordinator)
        phone.log(DAY, [new_contact(Who.COUNT(2))])
        with relay(self.folder / "relay") as url:
            self.assertGreater((await phone.sync(url)).pushed, 0)
            self.assertEqual((await coordinator.sync(url)).contacts, 1)
        self.assertEqual(coordinator.contacts(ALL_CONTACTS), phone.contacts(ALL_CONTACTS))

    async def test_a_lost_phone_is_removed_and_learns_of_it(self):
        coordinator = self.coordinator()
        phone = self.phone(coordinator)
        phone.log(DAY, [new_contact(Who.COUNT(2))])
        device = next(device.device for device in phone.devices() if device.own)
        with relay(self.folder / "relay") as url:
            await phone.sync(url)
            await coordinator.sync(url)
            coordinator.rename_device(device, "van-phone")
            coordinator.set_role(device, Role.SUPERVISOR)
            coordinator.revoke(device, False)
            coordinator.rotate()
            await coordinator.sync(url)
            await phone.sync(url)
            self.assertTrue(phone.status().removed)
            with self.assertRaises(HaversackError.AskCoordinator):
                await phone.sync(url)
        exposure = coordinator.exposure(device)
        self.assertEqual((exposure.contacts, exposure.first, exposure.removed), (1, DAY, True))
        self.assertEqual([row.name for row in coordinator.devices() if row.removed], ["van-phone"])
        with self.assertRaises(HaversackError.FixInput):
            coordinator.exposure("3f2a")

    def test_a_device_goes_on_under_new_keys(self):
        coordinator = self.coordinator()
        phone = self.phone(coordinator)
        [device] = [row.device for row in phone.devices() if row.own]
        phone.log(DAY, [new_contact(Who.COUNT(2))])
        phone.renew_device()
        phone.log(DAY, [new_contact(Who.COUNT(3))])
        coordinator.import_bundle(phone.export_bundle())
        self.assertEqual({contact.author for contact in coordinator.contacts(ALL_CONTACTS)}, {device})
        self.assertEqual(len(coordinator.contacts(ALL_CONTACTS)), 2)
        self.assertEqual(len(coordinator.devices()), 2)

    def test_what_was_refused_is_listed(self):
        coordinator = self.coordinator()
        seized = self.phone(coordinator)
        self.assertEqual(coordinator.quarantined(), [])
        [phone] = [row.device for row in seized.devices() if row.own]
        coordinator.set_role(phone, Role.COORDINATOR)
        seized.import_bundle(coordinator.export_bundle())
        [founder] = [row.device for row in coordinator.devices() if row.own]
        seized.set_role(founder, Role.TRAINER)
        coordinator.import_bundle(seized.export_bundle())
        self.assertEqual(coordinator.quarantined(), [])
        coordinator.revoke(phone, True)
        [refused] = coordinator.quarantined()
        self.assertEqual((refused.device, refused.sequence, refused.reason), (phone, None, "void"))
        self.assertIn("counts for nothing", refused.text)

    def test_an_invitation_goes_in_parts(self):
        coordinator, phone = self.coordinator(), Notebook.create(str(self.folder / "phone"), PASSPHRASE)
        request = code_parts(phone.request_to_join(), 150)
        invitation = coordinator.invite("\n".join(request), Role.EDUCATOR)
        answer = code_parts(invitation.answer, 300)
        self.assertGreater(len(answer), 1)
        with self.assertRaisesRegex(HaversackError.FixInput, "not whole"):
            phone.join("\n".join(answer[:-1]))
        self.assertEqual(phone.join("\n".join(reversed(answer))), invitation.words)

    async def test_a_phone_is_handed_over(self):
        coordinator = self.coordinator()
        phone = self.phone(coordinator)
        phone.log(DAY, [new_contact(Who.COUNT(2))])
        [old] = [device.device for device in phone.devices() if device.own]
        nothing = Owed(changes=0, decisions=0, carried=0, refused=0)
        with relay(self.folder / "relay") as url:
            await phone.sync(url)
            with self.assertRaisesRegex(HaversackError.AskCoordinator, "changes 1"):
                phone.hand_over(nothing)
            for notebook in (coordinator, coordinator, phone):
                await notebook.sync(url)
            self.assertEqual(phone.owed(), nothing)
            phone.hand_over(nothing)
            with self.assertRaises(HaversackError.Unlock):
                phone.status()
            coordinator.revoke(old, False)
            await coordinator.sync(url)
            phone = self.phone(coordinator)
            await phone.sync(url)
        self.assertEqual([contact.author for contact in phone.contacts(ALL_CONTACTS)], [old])
        with self.assertRaisesRegex(HaversackError.FixInput, "root key"):
            coordinator.hand_over(coordinator.owed())

    async def test_nobody_there_is_worth_another_try(self):
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        coordinator = self.coordinator()
        calls = [coordinator.sync(f"http://127.0.0.1:{port}") for _ in range(20)]
        errors = await asyncio.gather(*calls, return_exceptions=True)
        self.assertEqual({type(error) for error in errors}, {HaversackError.RetryLater})

    async def test_not_an_address_has_to_be_mended(self):
        with self.assertRaises(HaversackError.FixInput):
            await self.coordinator().sync("nowhere")


if __name__ == "__main__":
    unittest.main()
