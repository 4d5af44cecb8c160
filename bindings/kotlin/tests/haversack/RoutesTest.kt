package haversack

import java.net.InetAddress
import java.net.ServerSocket
import java.net.Socket
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.concurrent.thread
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

/** Ways beside one relay: several of them, a proxy, another phone, a file. */
class RoutesTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun twoPhonesMeetWithoutARelay() = withTeam { coordinator, phone ->
        phone.log(DAY, listOf(newContact(Who.Count(2u)), newContact(Who.Count(3u))))
        coordinator.log(DAY, listOf(newContact(Who.Count(4u))))
        val server = runBlocking { PeerServer.bind(coordinator, "127.0.0.1:0", null) }
        // As it would be scanned. What carries relays' requests has no part in it.
        phone.setHttpClient(ConnectionClient())
        val met = runBlocking { phone.syncWithPeer(server.code()) }
        assertEquals(1u to 1uL, met.requests to met.contacts)
        assertEquals(listOf(3uL, 3uL), listOf(phone, coordinator).map { it.status().contacts })
        assertEquals(0uL, phone.status().own.relayed)
        val bare = server.url().substringBefore('#')
        assertThrows(HaversackException.FixInput::class.java) { runBlocking { phone.syncWithPeer(bare) } }
        val report = runBlocking { server.stop() }
        assertEquals(1u, report.answered)
        assertTrue(report.received.applied > 0u)
        assertEquals(report, runBlocking { server.stop() })
        assertThrows(HaversackException.RetryLater::class.java) { runBlocking { phone.syncWithPeer(server.url()) } }
        assertThrows(HaversackException.FixInput::class.java) { runBlocking { PeerServer.bind(phone, "here", null) } }
        server.close()
    }

    @Test
    fun everyRelayOfTheTeamIsSyncedWith(): Unit = newCoordinator(folder.root).use { coordinator ->
        val relays = listOf("a", "b").map { RelayProcess(folder.root.resolve(it)) }
        val named = runBlocking { coordinator.addRelay(relays[0].url) }
        assertEquals(listOf(named), coordinator.relays())
        newNotebook(folder.root, "phone").use { phone ->
            val invitation = coordinator.invite(phone.requestToJoin(), Role.EDUCATOR, listOf(relays[1].url))
            phone.join(invitation.answer)
            assertEquals(2, phone.relays().size)
            val synced = runBlocking { coordinator.syncAll() }
            assertEquals(listOf(null, null), synced.map { it.failure })
            assertEquals(1, runBlocking { phone.syncAll() }.count { it.report!!.received.applied > 0u })
            assertEquals(SITE, phone.sites().single().code)
            assertThrows(HaversackException.AskCoordinator::class.java) { phone.setRelays(phone.relays()) }
        }
        assertEquals(2, coordinator.holders().relays.size)
        relays[0].close()
        val one = runBlocking { coordinator.syncAll() }.map { it.failure?.javaClass }
        assertEquals(setOf(null, HaversackException.RetryLater::class.java), one.toSet())
        relays[1].close()
        coordinator.setRelays(coordinator.relays().map { it.copy(addresses = emptyList(), pins = emptyList()) })
        assertEquals(0, runBlocking { coordinator.syncAll() }.size)
        for (wrong in listOf(named.copy(relay = "3f2a"), named.copy(addresses = listOf("nowhere")), named.copy(pins = listOf(ByteArray(31))))) {
            assertThrows(HaversackException.FixInput::class.java) { coordinator.setRelays(listOf(wrong)) }
        }
    }

    @Test
    fun aProxyIsUsedAndNeverGoneAround() = withTeam { _, phone ->
        RelayProcess(folder.root.resolve("relay")).use { relay ->
            ServerSocket(0, 5, InetAddress.getLoopbackAddress()).use { proxy ->
                val asked = CopyOnWriteArrayList<String>()
                thread(isDaemon = true) { connectProxy(proxy, asked) }
                phone.setProxy("http://127.0.0.1:${proxy.localPort}")
                runBlocking { phone.sync(relay.url) }
                // Its two requests share a connection.
                assertTrue(asked.all { relay.url.contains(it) } && asked.size == 1)
            }
            assertThrows(HaversackException.RetryLater::class.java) { runBlocking { phone.sync(relay.url) } }
            phone.setProxy(null)
            runBlocking { phone.sync(relay.url) }
        }
        assertThrows(HaversackException.FixInput::class.java) { phone.setProxy("socks5://127.0.0.1:9050") }
    }

    @Test
    fun aPackBringsEverything(): Unit = newCoordinator(folder.root).use { coordinator ->
        coordinator.log(DAY, List(3) { newContact(Who.Count(1u)) })
        assertNull(coordinator.exportPack())
        val heard = CopyOnWriteArrayList<Pair<ULong, ULong>>()
        val made = runBlocking {
            coordinator.makePack(object : PackListener {
                override fun progress(done: ULong, all: ULong) {
                    heard.add(done to coordinator.packProgress().documents)
                }
            })
        }
        assertTrue(made.documents > 0uL && heard.last().first == made.documents)
        newNotebook(folder.root, "phone").use { phone ->
            phone.join(coordinator.invite(phone.requestToJoin(), Role.EDUCATOR).answer)
            phone.importBundle(coordinator.exportBundle())
            phone.importBundle(coordinator.exportPack()!!)
            assertEquals(3uL, phone.status().contacts)
            assertThrows(HaversackException.AskCoordinator::class.java) { runBlocking { phone.makePack(null) } }
        }
    }

    @Test
    fun aFileGoesUnderAPassphraseOrWithACarrier() = withTeam { coordinator, phone ->
        phone.log(DAY, listOf(newContact(Who.Count(2u))))
        val bundle = phone.exportBundle()
        val wrapped = wrapBundle(bundle, PASSPHRASE)
        assertTrue(isWrapped(wrapped) && !isWrapped(bundle))
        assertThrows(HaversackException.FixInput::class.java) { unwrapBundle(wrapped, "not this one".toByteArray()) }
        assertTrue(unwrapBundle(wrapped, PASSPHRASE).contentEquals(bundle))
        val carried = carryBundles(listOf(bundle, bundle.copyOf(bundle.size - 1), coordinator.exportBundle()))
        assertEquals(1u, carried.cut)
        assertThrows(HaversackException.FixInput::class.java) { carryBundles(listOf(wrapped)) }
        assertEquals(1uL, coordinator.importBundle(carried.bundle).contacts)
    }

    @Test
    fun aFurtherSpaceIsANotebookOfItsOwn(): Unit = newCoordinator(folder.root).use { first ->
        val clinic = first.addSpace("clinic")
        assertThrows(HaversackException.JoinSpace::class.java) { clinic.members() }
        clinic.foundSpace()
        clinic.putSite(Site("MMT-1", "oamt_clinic", null, null))
        assertFalse(first.space() == clinic.space())
        assertEquals(listOf("clinic"), first.spaces())
        assertEquals(listOf(SITE) to listOf("MMT-1"), first.sites().map { it.code } to first.openSpace("clinic").sites().map { it.code })
        first.openDropBox("to-clinic", clinic)
        assertEquals(listOf("to-clinic"), first.dropBoxes())
        first.dropContacts("to-clinic", DAY, listOf(newContact(Who.Count(2u))))
        assertEquals(0uL to 1uL, first.status().contacts to first.carry().taken)
        assertEquals(1uL, clinic.status().contacts)
        first.renameSpace("clinic", "health")
        assertThrows(HaversackException.Unlock::class.java) { clinic.status() }
        assertThrows(HaversackException.FixInput::class.java) { first.openSpace("clinic") }
        assertThrows(HaversackException.FixInput::class.java) { first.handOverSpace("health", Owed(0u, 0u, 0u, 0u)) }
        first.dropSpace("health")
        assertEquals(0, first.spaces().size)
        clinic.close()
    }

    @Test
    fun lengthsAreHiddenOnDemand() = withTeam { _, phone ->
        assertEquals(Padding.PADME, phone.padding())
        phone.setPadding(Padding.HIGH_RISK)
        assertEquals(Padding.HIGH_RISK, phone.padding())
    }

    private fun withTeam(test: (Notebook, Notebook) -> Unit) = newCoordinator(folder.root).use { coordinator ->
        newPhone(folder.root, coordinator).use { phone -> test(coordinator, phone) }
    }
}

/** A proxy that takes CONNECT, until its socket is closed. */
private fun connectProxy(socket: ServerSocket, asked: MutableList<String>) {
    while (true) {
        val phone = runCatching { socket.accept() }.getOrNull() ?: return
        val head = StringBuilder()
        while (!head.endsWith("\r\n\r\n")) head.append(phone.getInputStream().read().toChar())
        val to = head.split(' ')[1]
        asked.add(to)
        val relay = Socket(to.substringBefore(':'), to.substringAfter(':').toInt())
        phone.getOutputStream().write("HTTP/1.1 200 OK\r\n\r\n".toByteArray())
        thread(isDaemon = true) { runCatching { phone.getInputStream().copyTo(relay.getOutputStream()) } }
        thread(isDaemon = true) { runCatching { relay.getInputStream().copyTo(phone.getOutputStream()) }.also { phone.close() } }
    }
}
