package haversack

import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

/** Devices that come, change and go. */
class DevicesTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun aDeviceIsNamedPromotedAndRemoved() = withTeam { coordinator, phone ->
        phone.log(DAY, listOf(newContact(Who.Count(2u))))
        coordinator.importBundle(phone.exportBundle())
        val device = own(phone)
        coordinator.renameDevice(device, "van-phone")
        coordinator.setRole(device, Role.SUPERVISOR)
        val named = coordinator.devices().single { it.name == "van-phone" }
        assertEquals(listOf(device, Role.SUPERVISOR, false, false), listOf(named.device, named.role, named.own, named.removed))
        assertThrows(HaversackException.FixInput::class.java) { coordinator.renameDevice(own(coordinator), "van-phone") }
        assertThrows(HaversackException.AskCoordinator::class.java) { phone.setRole(own(coordinator), Role.EDUCATOR) }
        coordinator.renameDevice(device, null)

        assertFalse(coordinator.exposure(device).removed)
        coordinator.rotate()
        coordinator.revoke(device, false)
        val exposure = coordinator.exposure(device)
        assertEquals(listOf(1uL, DAY, DAY, true), listOf(exposure.contacts, exposure.first, exposure.last, exposure.removed))
        assertThrows(HaversackException.FixInput::class.java) { coordinator.exposure("3f2a") }
        assertEquals(listOf(device), coordinator.devices().filter { it.removed }.map { it.device })
    }

    @Test
    fun aDeviceGoesOnUnderNewKeys() = withTeam { coordinator, phone ->
        val device = own(phone)
        phone.log(DAY, listOf(newContact(Who.Count(2u))))
        phone.renewDevice()
        phone.log(DAY, listOf(newContact(Who.Count(3u))))
        coordinator.importBundle(phone.exportBundle())
        assertEquals(listOf(device, device), coordinator.contacts(ALL_CONTACTS).map { it.author })
        assertEquals(2, coordinator.devices().size)
    }

    @Test
    fun whatWasRefusedIsListed() = withTeam { coordinator, seized ->
        assertEquals(0, coordinator.quarantined().size)
        val phone = own(seized)
        coordinator.setRole(phone, Role.COORDINATOR)
        seized.importBundle(coordinator.exportBundle())
        seized.setRole(own(coordinator), Role.TRAINER)
        coordinator.importBundle(seized.exportBundle())
        assertEquals(0, coordinator.quarantined().size)
        coordinator.revoke(phone, true)
        val refused = coordinator.quarantined().single()
        assertEquals(listOf(phone, null, "void"), listOf(refused.device, refused.sequence, refused.reason))
        assertTrue(refused.text.contains("counts for nothing"))
    }

    @Test
    fun theRootKeyGoesOnPaper() = newCoordinator(folder.root).use { coordinator ->
        assertTrue(coordinator.keepsRoot())
        val shares = coordinator.splitRoot(2u, 3u)
        assertEquals(3, shares.size)
        coordinator.rehearseRoot(listOf(shares[2], shares[0]))
        assertThrows(HaversackException.FixInput::class.java) { coordinator.rehearseRoot(shares.take(1)) }
        coordinator.forgetRoot()
        assertThrows(HaversackException.FixInput::class.java) { coordinator.splitRoot(2u, 3u) }
        coordinator.useRoot(shares.drop(1))
        coordinator.replaceRoot()
        assertThrows(HaversackException.FixInput::class.java) { coordinator.rehearseRoot(shares) }
        assertTrue(coordinator.keepsRoot())
    }

    @Test
    fun anInvitationGoesInParts() = newCoordinator(folder.root).use { coordinator ->
        newNotebook(folder.root, "phone").use { phone ->
            val request = codeParts(phone.requestToJoin(), 150u)
            assertTrue(request.size > 1 && request.all { it.length <= 150 })
            val invitation = coordinator.invite(request.reversed().joinToString("\n"), Role.EDUCATOR)
            val answer = codeParts(invitation.answer, 300u)
            assertThrows(HaversackException.FixInput::class.java) { phone.join(answer.drop(1).joinToString("\n")) }
            assertEquals(invitation.words, phone.join(answer.joinToString("\n")))
        }
        assertThrows(HaversackException.FixInput::class.java) { codeParts("hello", 300u) }
        assertEquals(2, coordinator.members().size)
    }

    @Test
    fun aPhoneIsHandedOver() = withTeam { coordinator, phone ->
        val path = folder.root.resolve("phone").path
        phone.log(DAY, listOf(newContact(Who.Count(2u))))
        val (old, owed) = own(phone) to phone.owed()
        assertEquals(1uL, owed.changes)
        val nothing = Owed(0u, 0u, 0u, 0u)
        assertThrows(HaversackException.AskCoordinator::class.java) { phone.handOver(nothing) }
        val bundle = phone.exportBundle()
        phone.handOver(owed)
        assertThrows(HaversackException.Unlock::class.java) { phone.owed() }
        assertThrows(HaversackException.FixInput::class.java) { Notebook.open(path, PASSPHRASE) }
        assertEquals(1uL, coordinator.importBundle(bundle).contacts)
        coordinator.revoke(old, false)

        newPhone(folder.root, coordinator).use { next ->
            assertEquals(listOf(old), next.contacts(ALL_CONTACTS).map { it.author })
            assertFalse(own(next) == old)
        }
        assertThrows(HaversackException.FixInput::class.java) { coordinator.handOver(coordinator.owed()) }
    }

    private fun own(notebook: Notebook) = notebook.devices().single { it.own }.device

    private fun withTeam(test: (Notebook, Notebook) -> Unit) = newCoordinator(folder.root).use { coordinator ->
        newPhone(folder.root, coordinator).use { phone -> test(coordinator, phone) }
    }
}
