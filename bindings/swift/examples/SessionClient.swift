import Foundation
import Haversack

/// `URLSession` in place of the library's own HTTP: `notebook.setHttpClient(client: SessionClient())`.
///
/// Nothing is cached, no cookie is kept and no redirect is followed: a request holds the right to a mailbox. Of relays whose keys are
/// pinned it takes none whose certificate the system does not trust as well; to take those, answer the session's challenge by
/// `request.pins`.
public final class SessionClient: HttpClient {
    private let session: URLSession

    public init() {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.urlCache = nil
        configuration.httpCookieStorage = nil
        configuration.timeoutIntervalForRequest = 120
        session = URLSession(configuration: configuration)
    }

    public func send(request: HttpRequest, answer: HttpAnswer) async throws {
        guard let url = URL(string: request.url) else { throw HttpFailure.Unreachable }
        var asked = URLRequest(url: url)
        asked.httpMethod = request.method
        if request.method == "POST" { asked.httpBody = request.body }
        for header in request.headers { asked.setValue(header.value, forHTTPHeaderField: header.name) }
        let (receiver, task) = (Receiver(), session.dataTask(with: asked))
        task.delegate = receiver
        task.resume()
        do {
            try await withTaskCancellationHandler {
                for try await part in receiver.parts { try await hand(part, to: answer) }
            } onCancel: {
                task.cancel()
            }
        } catch let failure as URLError {
            task.cancel()
            throw SessionClient.named(failure)
        } catch {
            task.cancel()
            throw error
        }
    }

    private func hand(_ part: Receiver.Part, to answer: HttpAnswer) async throws {
        switch part {
        case .status(let status): try answer.begin(status: status)
        case .bytes(let bytes): try await answer.chunk(bytes: bytes)
        }
    }

    private static func named(_ failure: URLError) -> HttpFailure {
        switch failure.code {
        case .cannotFindHost, .cannotConnectToHost, .notConnectedToInternet: return .Unreachable
        case .serverCertificateUntrusted, .serverCertificateHasUnknownRoot: return .Untrusted
        default: return .Interrupted
        }
    }
}

/// Takes an answer as it comes.
private final class Receiver: NSObject, URLSessionDataDelegate {
    enum Part {
        case status(UInt16)
        case bytes(Data)
    }

    let parts: AsyncThrowingStream<Part, Error>
    private let handed: AsyncThrowingStream<Part, Error>.Continuation

    override init() {
        (parts, handed) = AsyncThrowingStream.makeStream()
        super.init()
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse
    ) async -> URLSession.ResponseDisposition {
        let status = (response as? HTTPURLResponse)?.statusCode ?? 0
        handed.yield(.status(UInt16(clamping: status)))
        return .allow
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        handed.yield(.bytes(data))
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: Error?) {
        handed.finish(throwing: error)
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest
    ) async -> URLRequest? {
        nil
    }
}
