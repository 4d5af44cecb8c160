package haversack

import java.net.InetAddress
import java.net.ServerSocket
import kotlin.concurrent.thread
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

/** Several devices, and what lies between them. */
class TeamTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun aTeamSharesByFile() = withTeam { coordinator, phone ->
        phone.log(DAY, listOf(newContact(Who.Count(2u))))
        coordinator.log(DAY, listOf(newContact(Who.Anonymous(null, null))))
        val outcome = coordinator.importBundle(phone.exportBundle())
        assertTrue(outcome.whole)
        assertEquals(1uL, outcome.contacts)
        phone.importBundle(coordinator.exportBundle())
        // Where a record is, each device says for itself.
        val shown = { notebook: Notebook -> notebook.contacts(ALL_CONTACTS).map { it.copy(state = RecordState.HERE_ONLY) } }
        assertEquals(shown(phone), shown(coordinator))
        assertEquals(2, phone.contacts(ALL_CONTACTS).map { it.author }.toSet().size)
        assertEquals(setOf(Role.COORDINATOR, Role.EDUCATOR), phone.members().map { it.role }.toSet())
    }

    @Test
    fun aTeamSharesThroughARelay() = withTeam { coordinator, phone ->
        RelayProcess(folder.root.resolve("relay")).use { relay ->
            phone.log(DAY, listOf(newContact(Who.Count(2u))))
            val sent = runBlocking { phone.sync(relay.url) }
            assertTrue(sent.pushed > 0u && sent.bytesUp > 0uL)
            assertEquals(0uL, phone.status().own.hereOnly)
            assertEquals(1uL, runBlocking { coordinator.sync(relay.url) }.contacts)
            assertEquals(phone.contacts(ALL_CONTACTS), coordinator.contacts(ALL_CONTACTS))
        }
    }

    @Test
    fun anotherRelayIsNotTrusted() = withTeam { _, phone ->
        RelayProcess(folder.root.resolve("relay")).use { relay ->
            val other = relay.url.substringBefore('#') + "#" + "0".repeat(32)
            assertThrows(HaversackException.AskCoordinator::class.java) { runBlocking { phone.sync(other) } }
        }
    }

    @Test
    fun aFileIsTakenOnlyWhole() = withTeam { coordinator, phone ->
        phone.log(DAY, listOf(newContact(Who.Count(2u))))
        val bundle = phone.exportBundle()
        assertThrows(HaversackException.FixInput::class.java) { coordinator.importBundle("no bundle".toByteArray()) }
        assertTrue(!coordinator.importBundle(bundle.copyOf(bundle.size - 1)).whole)
        assertTrue(coordinator.importBundle(bundle).whole)
        assertEquals(1uL, coordinator.status().contacts)
    }

    @Test
    fun onlyACoordinatorInvites() = withTeam { _, phone ->
        newNotebook(folder.root, "third").use { third ->
            val request = third.requestToJoin()
            assertThrows(HaversackException.AskCoordinator::class.java) { phone.invite(request, Role.EDUCATOR) }
        }
    }

    @Test
    fun nobodyThereIsWorthAnotherTry() = withTeam { _, phone ->
        val port = ServerSocket(0, 1, InetAddress.getLoopbackAddress()).use { it.localPort }
        assertThrows(HaversackException.RetryLater::class.java) { runBlocking { phone.sync("http://127.0.0.1:$port") } }
    }

    @Test
    fun whatIsNoRelayIsNotTrusted() = withTeam { _, phone ->
        ServerSocket(0, 5, InetAddress.getLoopbackAddress()).use { socket ->
            thread(isDaemon = true) { answerNotFound(socket) }
            val url = "http://127.0.0.1:${socket.localPort}"
            assertThrows(HaversackException.FixInput::class.java) { runBlocking { phone.sync(url) } }
        }
        assertThrows(HaversackException.FixInput::class.java) { runBlocking { phone.sync("nowhere") } }
    }

    private fun withTeam(test: (Notebook, Notebook) -> Unit) = newCoordinator(folder.root).use { coordinator ->
        newPhone(folder.root, coordinator).use { phone -> test(coordinator, phone) }
    }

    private fun answerNotFound(socket: ServerSocket) {
        while (true) {
            val connection = runCatching { socket.accept() }.getOrNull() ?: return
            connection.use {
                it.getInputStream().read(ByteArray(65_536))
                it.getOutputStream().write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".toByteArray())
            }
        }
    }
}
