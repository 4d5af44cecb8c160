package phone

import haversack.Contact
import haversack.Line
import haversack.Person
import haversack.Report

/** A value as a line of JSON; its texts are ids and codes, in which nothing needs an escape. */
fun json(value: Any?): String = when (value) {
    is String -> "\"${checked(value)}\""
    is List<*> -> value.joinToString(",", "[", "]", transform = ::json)
    is Map<*, *> -> value.entries.joinToString(",", "{", "}") { "${json(it.key)}:${json(it.value)}" }
    else -> value.toString()
}

private fun checked(text: String): String = text.also { check(it.none { char -> char < ' ' || char in "\"\\" }) { it } }

fun shown(contact: Contact): Map<String, Any?> = mapOf(
    "id" to contact.id,
    "day" to contact.day,
    "site" to contact.site,
    "author" to contact.author,
    "mode" to contact.mode,
    "person" to shown(contact.person),
    "lines" to contact.lines.map(::shown),
    "services" to contact.services,
    "duration" to contact.duration,
    "disputed" to contact.disputed,
    "sets" to contact.sets,
    "returned" to contact.returned,
)

fun shown(report: Report): Map<String, Any?> = mapOf(
    "contacts" to report.indicators.contacts,
    "coded" to report.indicators.contactsCoded,
    "anonymous" to report.indicators.contactsAnonymous,
    "clients" to report.indicators.reachCoded,
    "sets" to report.indicators.setsDistributed,
    "returned" to report.indicators.returned,
    "return_pct" to report.indicators.returnPct,
    "people_counted" to report.peopleCounted,
    "same_day_two_educators" to report.indicators.sameDayTwoEducators,
)

private fun shown(line: Line): List<Any> = listOf(line.direction.name, line.item, line.quantity)

private fun shown(person: Person): List<Any?> = when (person) {
    is Person.Client -> listOf("client", person.id)
    is Person.Unattributed -> listOf("unattributed")
    is Person.Anonymous -> listOf("anonymous", person.sex, person.age)
    is Person.Count -> listOf("count", person.people)
}
