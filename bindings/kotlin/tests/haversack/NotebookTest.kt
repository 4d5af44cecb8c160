package haversack

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

/** One device. */
class NotebookTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun versionIsThreeNumbers() {
        assertTrue(Regex("""\d+\.\d+\.\d+""").matches(version()))
    }

    @Test
    fun codeListsFillAPicker() {
        val lists = codeLists()
        assertTrue("mobile_van" in lists.siteKinds && "naloxone_nasal" in lists.items)
    }

    @Test
    fun aContactIsLoggedShownAndCounted() = newCoordinator(folder.root).use { notebook ->
        val client = notebook.addClients(listOf(newClient("LOTUS-27"))).single()
        val logged = notebook.log(DAY, listOf(newContact(Who.Client(client)), newContact(Who.Count(4u))))
        val shown = notebook.contacts(ALL_CONTACTS)
        assertEquals(logged.toSet(), shown.map { it.id }.toSet())

        val contact = shown.single { it.person == Person.Client(client) }
        assertEquals(listOf(DAY, SITE, "van"), listOf(contact.day, contact.site, contact.mode))
        assertEquals(listOf("education"), contact.services)
        assertEquals(5uL to 3uL, contact.sets to contact.returned)

        val report = notebook.report("2008-02-01", "2008-03-01")
        assertEquals(29u, report.indicators.days)
        assertEquals(10uL to 5uL, report.indicators.setsDistributed to report.indicators.setsToCoded)
        assertEquals("60.0", report.indicators.returnPct)
        assertEquals(4uL, report.peopleCounted)
    }

    @Test
    fun whatIsKeptComesBackAsItWasGiven() = newCoordinator(folder.root).use { notebook ->
        notebook.addClients(listOf(newClient("LOTUS-27")))
        assertEquals(newClient("LOTUS-27"), notebook.clients().single().client)
        assertEquals(listOf(SITE), notebook.sites().map { it.code })
        assertEquals(listOf(1020.toUShort()), notebook.sites().map { it.closesMinutes })
    }

    @Test
    fun aCorrectionCounts() = newCoordinator(folder.root).use { notebook ->
        val id = notebook.log(DAY, listOf(newContact(Who.Anonymous("F", "25+")))).single()
        notebook.correct(id, Line(Direction.OUT, "syringe_fixed_1ml", 7u))
        assertEquals(7uL, notebook.contacts(ALL_CONTACTS).single().sets)
    }

    @Test
    fun recordsOutliveTheNotebook() {
        newCoordinator(folder.root).use { notebook ->
            notebook.log(DAY, listOf(newContact(Who.Count(1u))))
            notebook.lock()
            assertThrows(HaversackException.Unlock::class.java) { notebook.status() }
        }
        val path = folder.root.resolve("coordinator").path
        assertThrows(HaversackException.Unlock::class.java) { Notebook.open(path, "not this one".toByteArray()) }
        Notebook.open(path, PASSPHRASE).use { assertEquals(1uL, it.status().contacts) }
    }

    @Test
    fun whatIsNotTakenIsNotSaved() = newCoordinator(folder.root).use { notebook ->
        val good = newContact(Who.Count(1u))
        val bad = listOf(
            good.copy(site = "NOWHERE"),
            good.copy(services = listOf("chatting")),
            good.copy(lines = listOf(Line(Direction.OUT, "needle", 10_001u))),
            newContact(Who.Client("Wang Xiaoming")),
        )
        for (contact in bad) {
            assertThrows(HaversackException.FixInput::class.java) { notebook.log(DAY, listOf(good, contact)) }
        }
        assertThrows(HaversackException.FixInput::class.java) { notebook.log("yesterday", listOf(good)) }
        assertEquals(0uL, notebook.status().contacts)
    }

    @Test
    fun aFailureSaysWhatToDo() {
        newNotebook(folder.root, "alone").use { notebook ->
            val error = assertThrows(HaversackException.JoinSpace::class.java) { notebook.members() }
            assertTrue(error.message!!.contains("in no space"))
        }
        val path = folder.root.resolve("nothing").path
        assertThrows(HaversackException.FixInput::class.java) { Notebook.open(path, PASSPHRASE) }
    }

    @Test
    fun manyThreadsLogAtOnce() = newCoordinator(folder.root).use { notebook ->
        runBlocking(Dispatchers.IO) {
            List(8) { async { List(5) { notebook.log(DAY, listOf(newContact(Who.Count(1u)))) } } }.awaitAll()
        }
        assertEquals(40, notebook.contacts(ALL_CONTACTS).map { it.id }.toSet().size)
    }
}
