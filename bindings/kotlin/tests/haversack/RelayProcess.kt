package haversack

import java.io.File

/** The command `haversack` as a relay, on a free port. It stops when its standard input closes, also when this JVM dies. */
class RelayProcess(data: File) : AutoCloseable {
    private val process = ProcessBuilder(
        System.getenv("HAVERSACK_BIN"), "--json", "relay", "serve", "--stop-with-stdin",
        "--listen", "127.0.0.1:0", "--data", data.path,
    ).redirectError(ProcessBuilder.Redirect.INHERIT).start()

    /** Its address and its id: what devices sync with. */
    val url: String

    init {
        val line = process.inputStream.bufferedReader().readLine() ?: error("the relay did not start")
        url = checkNotNull(Regex(""""url":"([^"]+)"""").find(line)) { line }.groupValues[1]
    }

    override fun close() {
        process.outputStream.close()
        check(process.waitFor() == 0)
    }
}
