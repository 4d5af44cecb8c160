package haversack

import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

/** Staying in touch with a relay. */
class FollowTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun newsArriveByThemselves() = newsArrive(null)

    @Test
    fun newsArriveOverAnAppsOwnClient() = newsArrive(ConnectionClient())

    /** The listener uses the notebook, and throws: neither stops anything. */
    private fun newsArrive(client: HttpClient?) = withTeam { coordinator, phone ->
        RelayProcess(folder.root.resolve("relay")).use { relay ->
            phone.setHttpClient(client)
            val heard = LinkedBlockingQueue<ULong>()
            val following = runBlocking {
                phone.follow(relay.url, object : SyncListener {
                    override fun synced(report: SyncReport) {
                        heard.put(phone.status().contacts)
                        throw IllegalStateException("of its own")
                    }
                    override fun failed(failure: HaversackException) = heard.put(ULong.MAX_VALUE)
                })
            }
            assertEquals(0uL, next(heard))
            for (contacts in 1uL..3uL) {
                coordinator.log(DAY, listOf(newContact(Who.Count(2u))))
                runBlocking { coordinator.sync(relay.url) }
                // It may be woken more than once for what came with one sync.
                do { val now = next(heard) } while (now < contacts)
                assertEquals(contacts, phone.status().contacts)
            }
            following.stop()
            runBlocking { following.ended() }
            following.close()
        }
    }

    @Test
    fun whatIsThereAlreadyIsNews() = withTeam { coordinator, phone ->
        RelayProcess(folder.root.resolve("relay")).use { relay ->
            coordinator.log(DAY, listOf(newContact(Who.Count(2u))))
            val pushed = runBlocking { coordinator.sync(relay.url) }
            assertTrue(pushed.pushedBytes > 0uL)
            assertTrue(runBlocking { phone.waitForNews(relay.url) })
        }
    }

    @Test
    fun failuresAreHeardAndTriedAgain() = withTeam { _, phone ->
        val heard = LinkedBlockingQueue<HaversackException>()
        val listener = object : SyncListener {
            override fun synced(report: SyncReport) = Unit
            override fun failed(failure: HaversackException) = heard.put(failure)
        }
        runBlocking { phone.follow("http://127.0.0.1:1", listener) }.use { following ->
            assertTrue(next(heard) is HaversackException.RetryLater)
            following.stop()
            runBlocking { following.ended() }
        }
        assertThrows(HaversackException.FixInput::class.java) { runBlocking { phone.follow("nowhere", listener) } }
        phone.lock()
        runBlocking { phone.follow("http://127.0.0.1:1", listener) }.use { following ->
            // What trying again cannot mend ends it.
            assertThrows(HaversackException.Unlock::class.java) { runBlocking { following.ended() } }
            assertTrue(next(heard) is HaversackException.Unlock)
        }
    }

    private fun <T> next(heard: LinkedBlockingQueue<T>): T = checkNotNull(heard.poll(60, TimeUnit.SECONDS)) { "nothing was heard" }

    private fun withTeam(test: (Notebook, Notebook) -> Unit) = newCoordinator(folder.root).use { coordinator ->
        newPhone(folder.root, coordinator).use { phone -> test(coordinator, phone) }
    }
}
