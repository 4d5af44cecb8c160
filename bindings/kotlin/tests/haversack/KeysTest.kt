package haversack

import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

/** Stands in for a phone's key store. */
private class Hardware : HardwareKey {
    var isGone = false

    override fun bind(stretched: ByteArray): ByteArray {
        if (isGone) throw HardwareFailure.Gone()
        return ByteArray(stretched.size) { (stretched[it].toInt() xor 0x5a).toByte() }
    }
}

/** What opens a store, and what ends it. */
class KeysTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val path get() = folder.root.resolve("coordinator").path
    private val other = "wild geese over an empty river tonight".toByteArray()

    @Test
    fun whatOpensAStoreIsShown() {
        val code = newCoordinator(folder.root).use { notebook ->
            assertEquals(Slots(false, false, false), notebook.slots())
            notebook.setDuress(other, null)
            notebook.addRecovery().also { assertEquals(Slots(true, true, false), notebook.slots()) }
        }
        assertEquals(Attempts(0u, 0uL, null), attempts(path))
        assertThrows(HaversackException.Unlock::class.java) { Notebook.open(path, "not this one".toByteArray()) }
        assertEquals(1u, attempts(path).wrong)
        Notebook.openWithRecovery(path, code).use { assertTrue(it.slots().openedByRecovery) }
        assertThrows(HaversackException.FixInput::class.java) { attempts(folder.root.resolve("nothing").path) }
    }

    @Test
    fun aPassphraseIsChanged() {
        val words = suggestPassphrase()
        newCoordinator(folder.root).use { notebook ->
            val weak = assertThrows(HaversackException.FixInput::class.java) {
                notebook.changePassphrase("123456".toByteArray(), null)
            }
            assertTrue(weak.message!!.contains("too weak"))
            notebook.changePassphrase(words, null)
            notebook.lock()
        }
        assertThrows(HaversackException.Unlock::class.java) { Notebook.open(path, PASSPHRASE) }
        Notebook.open(path, words).use { assertEquals(1, it.sites().size) }
    }

    @Test
    fun aRecoveryCodeOpensWhatNothingElseDoes() {
        val code = newCoordinator(folder.root).use { notebook ->
            val first = notebook.addRecovery()
            val code = notebook.addRecovery()
            assertEquals(12, String(code).split(' ').size)
            notebook.rehearseRecovery(String(code).uppercase().toByteArray())
            assertThrows(HaversackException.FixInput::class.java) { notebook.rehearseRecovery(first) }
            notebook.lock()
            code
        }
        Notebook.openWithRecovery(path, code).use { notebook ->
            notebook.changePassphrase(other, null)
            notebook.lock()
        }
        Notebook.open(path, other).use { assertNull(it.pendingRequest()) }
    }

    @Test
    fun aDevicesOwnKeyIsNeededAndCanBeLost() {
        val (hardware, pin) = Hardware() to "13572468".toByteArray()
        val code = Notebook.createBound(path, pin, hardware, 10u).use { notebook ->
            assertEquals(10.toUShort(), notebook.wipeAfter())
            notebook.addRecovery().also { notebook.lock() }
        }
        assertThrows(HaversackException.Unlock::class.java) { Notebook.open(path, pin) }
        Notebook.openBound(path, pin, hardware).use { it.lockAtOnce() }
        hardware.isGone = true
        val gone = assertThrows(HaversackException.Unlock::class.java) { Notebook.openBound(path, pin, hardware) }
        assertTrue(gone.message!!.contains("hardware"))
        Notebook.openWithRecovery(path, code).use { it.changePassphrase(pin, Hardware()) }
    }

    @Test
    fun theDuressPassphraseDestroys() {
        newCoordinator(folder.root).use { notebook ->
            notebook.setDuress(other, null)
            notebook.clearDuress()
            notebook.setDuress(other, null)
            assertThrows(HaversackException.FixInput::class.java) { notebook.setDuress(PASSPHRASE, null) }
            notebook.lock()
        }
        Notebook.open(path, other).use { notebook ->
            assertThrows(HaversackException.JoinSpace::class.java) { notebook.members() }
            assertEquals(0, notebook.sites().size)
        }
        assertThrows(HaversackException.Unlock::class.java) { Notebook.open(path, PASSPHRASE) }
    }

    @Test
    fun aStoreLocksItselfAndIsWiped() {
        newCoordinator(folder.root).use { notebook ->
            runBlocking { notebook.lockWhenIdle(0u) }
            assertThrows(HaversackException.Unlock::class.java) { notebook.lockAtOnce() }
        }
        Notebook.open(path, PASSPHRASE).use { notebook ->
            wipe(path)
            assertThrows(HaversackException.FixInput::class.java) { notebook.addRecovery() }
        }
        assertThrows(HaversackException.FixInput::class.java) { Notebook.open(path, PASSPHRASE) }
        assertThrows(HaversackException.FixInput::class.java) { wipe(path) }
    }

    @Test
    fun soManyWrongPassphrasesWipe() {
        newCoordinator(folder.root).use { notebook ->
            assertEquals(0.toUShort(), notebook.wipeAfter())
            assertThrows(HaversackException.FixInput::class.java) { notebook.setWipeAfter(2u) }
            notebook.setWipeAfter(3u)
            notebook.lock()
        }
        repeat(2) { assertThrows(HaversackException.Unlock::class.java) { Notebook.open(path, other) } }
        val wiped = assertThrows(HaversackException.FixInput::class.java) { Notebook.open(path, other) }
        assertTrue(wiped.message!!.contains("wiped"))
    }

    @Test
    fun aRequestIsForgotten() = newNotebook(folder.root, "phone").use { phone ->
        assertTrue(requestLifetime() > 0uL)
        val request = phone.requestToJoin()
        assertEquals(request, phone.pendingRequest())
        phone.forgetRequest()
        assertNull(phone.pendingRequest())
        assertThrows(HaversackException.FixInput::class.java) { phone.forgetRequest() }
        assertFalse(request == phone.requestToJoin())
        assertNotNull(phone.pendingRequest())
        runBlocking { phone.forgetRequestAfter(0u) }
        assertNull(phone.pendingRequest())
    }
}
