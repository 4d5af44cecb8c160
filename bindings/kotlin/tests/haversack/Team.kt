package haversack

import java.io.File

val PASSPHRASE = "six words or more, please".toByteArray()
const val SITE = "KM-V"
const val DAY = "2008-02-04"

/** Makes a notebook in a folder of its own, in no space. */
fun newNotebook(folder: File, name: String): Notebook = Notebook.create(folder.resolve(name).path, PASSPHRASE)

/** Makes a notebook that founded a space with one site. */
fun newCoordinator(folder: File): Notebook {
    val coordinator = newNotebook(folder, "coordinator")
    coordinator.foundSpace()
    coordinator.putSite(Site(SITE, "mobile_van", "community", 1_020u))
    return coordinator
}

/** Makes a notebook that joined the coordinator's space and has its records. */
fun newPhone(folder: File, coordinator: Notebook): Notebook {
    val phone = newNotebook(folder, "phone")
    val invitation = coordinator.invite(phone.requestToJoin(), Role.EDUCATOR)
    check(phone.join(invitation.answer) == invitation.words)
    check(phone.importBundle(coordinator.exportBundle()).whole)
    return phone
}

/** Five syringes out and three back. */
fun newContact(who: Who): NewContact {
    val lines = listOf(Line(Direction.OUT, "syringe_fixed_1ml", 5u), Line(Direction.IN, "used_mixed", 3u))
    return NewContact(who, SITE, null, lines, listOf("education"), "under_5")
}

fun newClient(label: String) = Client(label, "F", BirthBand(1980u, 5u), 2u, null)

val ALL_CONTACTS = ContactFilter(null, null, null)
