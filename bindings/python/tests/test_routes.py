"""An app's own HTTP client, and other ways than a relay."""

import asyncio
import http.client
import unittest
from urllib.parse import urlsplit

import haversack
from haversack import (
    HaversackError,
    HttpClient,
    HttpFailure,
    Notebook,
    PeerServer,
    Role,
    SyncListener,
    Who,
    carry_bundles,
    is_wrapped,
    unwrap_bundle,
    wrap_bundle,
)

from test_notebook import DAY, PASSPHRASE, InFolder, new_contact, relay


class StandardClient(HttpClient):
    """Python's own HTTP client. With `cut_at` it gives up after so many bytes of a sync's answer."""

    def __init__(self, cut_at=None):
        self.cut_at = cut_at
        self.paths = []

    async def send(self, request, answer):
        url = urlsplit(request.url)
        self.paths.append(url.path)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=120)
        try:
            await self.carry(connection, url.path, request, answer)
        except ConnectionRefusedError:
            raise HttpFailure.Unreachable() from None
        except (OSError, http.client.HTTPException):
            raise HttpFailure.Interrupted() from None
        finally:
            connection.close()

    async def carry(self, connection, path, request, answer):
        headers = {header.name: header.value for header in request.headers}
        await asyncio.to_thread(connection.request, request.method, path, request.body, headers)
        response = await asyncio.to_thread(connection.getresponse)
        answer.begin(response.status)
        left = self.cut_at if path == "/v1/sync" else None
        while left is None or left > 0:
            chunk = await asyncio.to_thread(response.read1, 8_192 if left is None else min(left, 8_192))
            if not chunk:
                return
            await answer.chunk(chunk)
            left = None if left is None else left - len(chunk)
        raise ConnectionResetError("cut")


class Misled(HttpClient):
    """Does as it is told."""

    def __init__(self, way):
        self.way = way

    async def send(self, request, answer):
        await self.way(answer)


class Heard(SyncListener):
    def __init__(self):
        self.reports = asyncio.Queue()
        self.loop = asyncio.get_running_loop()

    def synced(self, report):
        self.tell(report)

    def failed(self, failure):
        self.tell(failure)

    def tell(self, what):
        self.loop.call_soon_threadsafe(self.reports.put_nowait, what)


class Routes(InFolder):
    async def asyncSetUp(self):
        # Where the library runs the methods of a client that are asynchronous.
        loop = asyncio.get_running_loop()
        haversack.uniffi_set_event_loop(loop)
        # The generated code cancels a request from the library's thread, which a loop that is debugged does not allow.
        loop.set_debug(False)

    async def test_an_apps_own_client_carries_every_sync(self):
        coordinator = self.coordinator()
        phone = self.phone(coordinator)
        client = StandardClient()
        phone.set_http_client(client)
        with relay(self.folder / "relay") as url:
            phone.log(DAY, [new_contact(Who.COUNT(2))])
            self.assertGreater((await phone.sync(url)).pushed, 0)
            self.assertEqual([path.split("/")[2] for path in client.paths], ["relay", "sync"])
            self.assertEqual((await coordinator.sync(url)).contacts, 1)

    async def test_an_answer_that_is_cut_is_gone_on_with(self):
        coordinator = self.coordinator()
        phone = self.phone(coordinator)
        with relay(self.folder / "relay") as url:
            for count, cut_at in enumerate([0, 1, 60, 200], start=1):
                coordinator.log(DAY, [new_contact(Who.COUNT(2))])
                await coordinator.sync(url)
                phone.set_http_client(StandardClient(cut_at))
                with self.assertRaises(HaversackError.RetryLater):
                    await phone.sync(url)
                phone.set_http_client(StandardClient())
                await phone.sync(url)
                self.assertEqual(phone.status().contacts, count)

    async def test_what_it_does_wrong_loses_nothing(self):
        coordinator = self.coordinator()
        phone = self.phone(coordinator)

        async def raises(answer):
            raise ValueError("of its own")

        async def nothing(answer):
            pass

        async def no_status(answer):
            answer.begin(1_000)

        async def chunk_first(answer):
            await answer.chunk(b"x")

        async def too_long(answer):
            answer.begin(200)
            await answer.chunk(bytes((4 << 20) + 1))

        ways = [
            (raises, HaversackError.RetryLater),
            (nothing, HaversackError.ReportFault),
            (no_status, HaversackError.ReportFault),
            (chunk_first, HaversackError.ReportFault),
            (too_long, HaversackError.ReportFault),
        ]
        with relay(self.folder / "relay") as url:
            for count, (way, error) in enumerate(ways, start=1):
                phone.log(DAY, [new_contact(Who.COUNT(2))])
                phone.set_http_client(Misled(way))
                with self.assertRaises(error):
                    await phone.sync(url)
                phone.set_http_client(None)
                await phone.sync(url)
                self.assertEqual((await coordinator.sync(url)).contacts, 1, way.__name__)

    async def test_news_arrive_by_themselves(self):
        coordinator = self.coordinator()
        phone = self.phone(coordinator)
        phone.set_http_client(StandardClient())
        heard = Heard()
        with relay(self.folder / "relay") as url:
            following = await phone.follow(url, heard)
            self.assertEqual((await heard.reports.get()).contacts, 0)
            coordinator.log(DAY, [new_contact(Who.COUNT(2))])
            await coordinator.sync(url)
            while (await heard.reports.get()).contacts == 0:
                pass
            following.stop()
            await following.ended()
        self.assertEqual(phone.status().contacts, 1)

    async def test_two_phones_meet_without_a_relay(self):
        coordinator = self.coordinator()
        phone = self.phone(coordinator)
        phone.log(DAY, [new_contact(Who.COUNT(2))])
        server = await PeerServer.bind(coordinator, "127.0.0.1:0", None)
        self.assertEqual((await phone.sync_with_peer(server.url())).requests, 1)
        self.assertEqual((await server.stop()).answered, 1)
        self.assertEqual(coordinator.status().contacts, 1)

    async def test_a_new_phone_has_the_relays_and_a_pack(self):
        coordinator = self.coordinator()
        coordinator.log(DAY, [new_contact(Who.COUNT(2))])
        with relay(self.folder / "relay") as url:
            named = await coordinator.add_relay(url)
            made = await coordinator.make_pack(None)
            self.assertGreater(made.documents, 0)
            [synced] = await coordinator.sync_all()
            self.assertIsNone(synced.failure)
            phone = Notebook.create(str(self.folder / "phone"), PASSPHRASE)
            phone.join(coordinator.invite(phone.request_to_join(), Role.EDUCATOR).answer)
            self.assertEqual(phone.relays(), [named])
            await phone.sync_all()
            self.assertEqual(phone.status().contacts, 1)
            self.assertEqual(phone.pack_progress().segments, 0)

    def test_a_further_space_is_a_notebook_of_its_own(self):
        first = self.coordinator()
        clinic = first.add_space("clinic")
        clinic.found_space()
        self.assertEqual(first.spaces(), ["clinic"])
        self.assertNotEqual(first.space(), clinic.space())
        first.drop_space("clinic")
        with self.assertRaises(HaversackError.Unlock):
            clinic.status()

    def test_a_file_under_a_passphrase(self):
        bundle = self.coordinator().export_bundle()
        wrapped = wrap_bundle(bundle, PASSPHRASE)
        self.assertTrue(is_wrapped(wrapped) and not is_wrapped(bundle))
        self.assertEqual(unwrap_bundle(wrapped, PASSPHRASE), bundle)
        self.assertEqual(carry_bundles([bundle, bundle]).cut, 0)
        with self.assertRaises(HaversackError.FixInput):
            unwrap_bundle(wrapped, b"not this one")


if __name__ == "__main__":
    unittest.main()
