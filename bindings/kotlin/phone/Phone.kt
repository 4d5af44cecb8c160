package phone

import haversack.ContactFilter
import haversack.Direction
import haversack.Line
import haversack.NewContact
import haversack.Notebook
import haversack.Who
import kotlinx.coroutines.runBlocking

/**
 * An educator's phone without a screen: makes a store in the folder it is given and says its request to join; then it answers
 * each line of input with a line of JSON. It ends with its input, or at the first failure.
 */
fun main(arguments: Array<String>) {
    val passphrase = "six words or more, please".toByteArray()
    Notebook.create(arguments.single(), passphrase).use { notebook ->
        println(json(notebook.requestToJoin()))
        generateSequence { readLine() }.forEach { println(json(answer(notebook, it.split(' ')))) }
    }
}

private fun answer(notebook: Notebook, request: List<String>): Any = when (request.first()) {
    "join" -> notebook.join(request[1])
    "sync" -> sync(notebook, request[1])
    "log" -> notebook.log(request[1], listOf(newContact(notebook, request.drop(2)))).single()
    "contacts" -> notebook.contacts(ContactFilter(null, null, null)).map(::shown)
    "report" -> shown(notebook.report(request[1], request[2]))
    else -> error("no request is called ${request.first()}")
}

/** Says how many contacts came, and how many changes of its own are nowhere else yet. */
private fun sync(notebook: Notebook, url: String): Map<String, ULong> {
    val report = runBlocking { notebook.sync(url) }
    return mapOf("contacts" to report.contacts, "here_only" to notebook.status().own.hereOnly)
}

/** So many syringes out and so many back, at the only site. */
private fun newContact(notebook: Notebook, words: List<String>): NewContact {
    val (who, out, back) = words
    val lines = listOf(
        Line(Direction.OUT, "syringe_fixed_1ml", out.toUInt()),
        Line(Direction.IN, "used_mixed", back.toUInt()),
    )
    return NewContact(who(notebook, who), notebook.sites().single().code, null, lines, listOf("education"), "under_5")
}

/** `client=LABEL`, `anonymous=SEX` or `count=PEOPLE`. */
private fun who(notebook: Notebook, word: String): Who {
    val (kind, value) = word.split('=')
    return when (kind) {
        "client" -> Who.Client(notebook.clients().single { it.client.label == value }.id)
        "anonymous" -> Who.Anonymous(value, null)
        "count" -> Who.Count(value.toUInt())
        else -> error("nobody is called $kind")
    }
}
