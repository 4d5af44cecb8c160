package haversack

import java.io.IOException
import java.net.ConnectException
import java.net.HttpURLConnection
import java.net.URL
import java.util.concurrent.CopyOnWriteArrayList
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/** The JVM's own HTTP client, which Android has too, plugged in. With `cutAt` it gives up after so many bytes of a sync's answer. */
class ConnectionClient(private val cutAt: Int = Int.MAX_VALUE) : HttpClient {
    /** The paths that it was sent to. */
    val paths = CopyOnWriteArrayList<String>()

    override suspend fun send(request: HttpRequest, answer: HttpAnswer) = withContext(Dispatchers.IO) {
        val connection = open(request)
        try {
            carry(connection, if (connection.url.path == "/v1/sync") cutAt else Int.MAX_VALUE, answer)
        } catch (failure: ConnectException) {
            throw HttpFailure.Unreachable()
        } catch (failure: IOException) {
            throw HttpFailure.Interrupted()
        } finally {
            connection.disconnect()
        }
    }

    private fun open(request: HttpRequest): HttpURLConnection {
        val connection = URL(request.url).openConnection() as HttpURLConnection
        paths.add(connection.url.path)
        connection.requestMethod = request.method
        connection.instanceFollowRedirects = false
        connection.useCaches = false
        connection.readTimeout = 120_000
        request.headers.forEach { connection.setRequestProperty(it.name, it.value) }
        if (request.method == "POST") {
            connection.doOutput = true
            // Otherwise it keeps the body in memory and may say it twice.
            connection.setFixedLengthStreamingMode(request.body.size)
            connection.outputStream.use { it.write(request.body) }
        }
        return connection
    }

    private suspend fun carry(connection: HttpURLConnection, cutAt: Int, answer: HttpAnswer) {
        answer.begin(connection.responseCode.toUShort())
        val body = connection.errorStream ?: connection.inputStream
        val buffer = ByteArray(8_192)
        var left = cutAt
        while (left > 0) {
            val read = body.read(buffer, 0, minOf(left, buffer.size))
            if (read < 0) return
            answer.chunk(buffer.copyOf(read))
            left -= read
        }
        throw IOException("cut")
    }
}
