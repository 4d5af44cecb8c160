package haversack

import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

/** An app's own HTTP client in place of the library's, against a relay process. */
class HttpClientTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun itCarriesEverySync() = withRelay { coordinator, phone, url ->
        val client = ConnectionClient()
        phone.setHttpClient(client)
        phone.log(DAY, listOf(newContact(Who.Count(2u))))
        val sent = runBlocking { phone.sync(url) }
        assertTrue(sent.pushed > 0u && sent.bytesUp > 0uL && sent.bytesDown > 0uL)
        // Met for the first time, the relay proves its key.
        assertEquals(listOf("relay", "sync"), client.paths.map { it.split('/')[2] })
        assertEquals(1uL, runBlocking { coordinator.sync(url) }.contacts)
        phone.setHttpClient(null)
        runBlocking { phone.sync(url) }
        assertEquals(2, client.paths.size)
    }

    @Test
    fun anAnswerThatIsCutIsGoneOnWith() = withRelay { coordinator, phone, url ->
        var logged = 0uL
        for (cutAt in listOf(0, 1, 60, 200)) {
            coordinator.log(DAY, List(5) { newContact(Who.Count(1u)) })
            phone.log(DAY, listOf(newContact(Who.Count(2u))))
            logged += 6uL
            runBlocking { coordinator.sync(url) }
            phone.setHttpClient(ConnectionClient(cutAt))
            assertThrows(HaversackException.RetryLater::class.java) { runBlocking { phone.sync(url) } }
            phone.setHttpClient(ConnectionClient())
            runBlocking { phone.sync(url) }
            runBlocking { coordinator.sync(url) }
            assertEquals(logged, phone.status().contacts)
            assertEquals(logged, coordinator.status().contacts)
        }
    }

    @Test
    fun whatCameBeforeACutIsThere() = withRelay { coordinator, phone, url ->
        runBlocking { coordinator.sync(url) }
        runBlocking { phone.sync(url) }
        for (day in 4..8) {
            coordinator.log("2008-02-0$day", List(10) { newContact(Who.Count(1u)) })
            runBlocking { coordinator.sync(url) }
        }
        phone.setHttpClient(ConnectionClient(cutAt = 900))
        val after = generateSequence { runCatching { runBlocking { phone.sync(url) } }.isFailure to phone.status().contacts }
        val cut = after.take(50).takeWhile { it.first }.map { it.second }.toList()
        // Every sync but the last was cut, and each went on where the one before stopped.
        assertTrue("$cut", cut.any { it in 1uL..49uL })
        assertEquals(cut.sorted(), cut)
        assertEquals(50uL, phone.status().contacts)
    }

    @Test
    fun whatItDoesWrongLosesNothing() = withRelay { coordinator, phone, url ->
        var logged = 0uL
        for ((name, wrong) in wrongs(phone, url)) {
            phone.log(DAY, listOf(newContact(Who.Count(2u))))
            logged += 1uL
            phone.setHttpClient(Misled(wrong.second))
            val failure = runCatching { runBlocking { phone.sync(url) } }.exceptionOrNull()
            assertEquals(name, wrong.first, failure?.javaClass)
            phone.setHttpClient(ConnectionClient())
            runBlocking { phone.sync(url) }
            runBlocking { coordinator.sync(url) }
            assertEquals(name, logged, coordinator.status().contacts)
        }
    }

    @Test
    fun nothingIsTakenAfterTheEnd() = withRelay { _, phone, url ->
        val kept = mutableListOf<HttpAnswer>()
        val client = ConnectionClient()
        phone.setHttpClient(Misled { request, answer -> client.send(request, answer).also { kept.add(answer) } })
        runBlocking { phone.sync(url) }
        for (answer in kept) {
            assertThrows(HttpFailure.Refused::class.java) { answer.begin(200u) }
            assertThrows(HttpFailure.Refused::class.java) { runBlocking { answer.chunk(ByteArray(1)) } }
        }
    }

    @Test
    fun theNotebookMayBeUsedMeanwhile() = withRelay { coordinator, phone, url ->
        val client = ConnectionClient()
        phone.setHttpClient(Misled { request, answer ->
            phone.log(DAY, listOf(newContact(Who.Count(1u))))
            client.send(request, answer)
            phone.status()
        })
        runBlocking { phone.sync(url) }
        assertEquals(2uL, phone.status().contacts)
        phone.setHttpClient(null)
        runBlocking { phone.sync(url) }
        assertEquals(2uL, runBlocking { coordinator.sync(url) }.contacts)
    }

    @Test
    fun aRequestIsCancelledOnceNoMoreIsWanted() = withRelay { _, phone, url ->
        val client = ConnectionClient()
        val (waiting, cancelled) = CountDownLatch(1) to CountDownLatch(1)
        phone.setHttpClient(Misled { request, answer ->
            if (!request.url.endsWith("/v1/wake")) return@Misled client.send(request, answer)
            try {
                waiting.countDown()
                awaitCancellation()
            } finally {
                cancelled.countDown()
            }
        })
        val deaf = object : SyncListener {
            override fun synced(report: SyncReport) = Unit
            override fun failed(failure: HaversackException) = Unit
        }
        runBlocking { phone.follow(url, deaf) }.use { following ->
            assertTrue(waiting.await(60, TimeUnit.SECONDS))
            following.stop()
            assertTrue(cancelled.await(60, TimeUnit.SECONDS))
        }
    }

    @Test
    fun noProxyIsGoneAround() = withRelay { _, phone, url ->
        val client = ConnectionClient()
        phone.setHttpClient(client)
        phone.setProxy("socks5h://127.0.0.1:9050")
        assertThrows(HaversackException.FixInput::class.java) { runBlocking { phone.sync(url) } }
        assertEquals(0, client.paths.size)
    }

    /** What is done wrong, what it comes to, and how. */
    private fun wrongs(phone: Notebook, url: String): Map<String, Pair<Class<*>, suspend (HttpRequest, HttpAnswer) -> Unit>> {
        val later = HaversackException.RetryLater::class.java
        val fault = HaversackException.ReportFault::class.java
        val long = ByteArray((4 shl 20) + 1)
        return mapOf(
            "throws" to Pair(later) { _, _ -> throw IllegalStateException("of its own") },
            "nobody" to Pair(later) { _, _ -> throw HttpFailure.Unreachable() },
            "broke" to Pair(later) { _, answer -> answer.begin(200u); throw HttpFailure.Interrupted() },
            "untrusted" to Pair(HaversackException.AskCoordinator::class.java) { _, _ -> throw HttpFailure.Untrusted() },
            "no status" to Pair(fault) { _, _ -> },
            "status 99" to Pair(fault) { _, answer -> answer.begin(99u) },
            "status 600, and its refusal ignored" to Pair(fault) { _, answer -> runCatching { answer.begin(600u) } },
            "second status" to Pair(fault) { _, answer -> answer.begin(200u); answer.begin(200u) },
            "chunk first" to Pair(fault) { _, answer -> answer.chunk(ByteArray(1)) },
            "too long" to Pair(fault) { _, answer -> answer.begin(200u); answer.chunk(long) },
            "no relay" to Pair(HaversackException.FixInput::class.java) { _, answer -> answer.begin(404u) },
            "overloaded" to Pair(later) { _, answer -> answer.begin(503u) },
            "nonsense" to Pair(HaversackException.FixInput::class.java) { _, answer -> answer.begin(200u); answer.chunk(ByteArray(1_500)) },
            "syncs first" to Pair(later) { _, _ -> phone.sync(url) },
        )
    }

    private fun withRelay(test: (Notebook, Notebook, String) -> Unit) = newCoordinator(folder.root).use { coordinator ->
        newPhone(folder.root, coordinator).use { phone ->
            RelayProcess(folder.root.resolve("relay")).use { test(coordinator, phone, it.url) }
        }
    }
}

/** A client that does as it is told. */
private class Misled(private val way: suspend (HttpRequest, HttpAnswer) -> Any?) : HttpClient {
    override suspend fun send(request: HttpRequest, answer: HttpAnswer) {
        way(request, answer)
    }
}
