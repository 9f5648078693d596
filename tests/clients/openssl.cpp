// SPDX-License-Identifier: BSL-1.0
// OpenSSL over socket BIOs: SSL_read and SSL_write, client and server both on fibers of one worker.
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <memory>
#include <string>

#include "clients/company.hpp"
#include "hooks/files.hpp"

using namespace weft::clients;
using namespace weft::test;
using namespace std::chrono_literals;

namespace {

template <auto Free> struct freed {
  template <class T> void operator()(T* it) const { Free(it); }
};
template <class T, auto Free> using owned = std::unique_ptr<T, freed<Free>>;
using context = owned<SSL_CTX, &SSL_CTX_free>;
using session = owned<SSL, &SSL_free>;

// Of a server whose certificate is its own, good for a day.
context server_context() {
  const owned<EVP_PKEY, &EVP_PKEY_free> key(EVP_EC_gen("P-256"));
  const owned<X509, &X509_free> certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86'400);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  REQUIRE(X509_sign(certificate.get(), key.get(), EVP_sha256()) != 0);
  context made(SSL_CTX_new(TLS_server_method()));
  REQUIRE(SSL_CTX_use_certificate(made.get(), certificate.get()) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey(made.get(), key.get()) == 1);
  return made;
}

// A client's that takes that certificate and no other.
context client_context(const context& server) {
  context made(SSL_CTX_new(TLS_client_method()));
  REQUIRE(X509_STORE_add_cert(SSL_CTX_get_cert_store(made.get()), SSL_CTX_get0_certificate(server.get())) == 1);
  SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER, nullptr);
  return made;
}

session session_on(const context& with, int file) {
  session made(SSL_new(with.get()));
  REQUIRE(made);
  BIO* const both = BIO_new_socket(file, BIO_NOCLOSE);
  SSL_set_bio(made.get(), both, both);
  return made;
}

void write_whole(const session& to, const std::string& text) {
  CHECK(SSL_write(to.get(), text.data(), int(text.size())) == int(text.size()));
}

std::string read_exactly(const session& from, std::size_t size) {
  std::string text(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const int got = SSL_read(from.get(), text.data() + done, int(size - done));
    if (got <= 0) break;
    done += std::size_t(got);
  }
  text.resize(done);
  return text;
}

// Answers what comes, in pieces of that size, until the client says goodbye.
void echo(const session& with, std::size_t size) {
  REQUIRE(SSL_accept(with.get()) == 1);
  for (;;) {
    const std::string text = read_exactly(with, size);
    if (text.empty()) break;
    write_whole(with, text);
  }
  CHECK(SSL_get_shutdown(with.get()) == SSL_RECEIVED_SHUTDOWN);
  SSL_shutdown(with.get());
}

}  // namespace

TEST_CASE("fifty clients and fifty servers of TLS on one worker") {
  const context server = server_context(), client = client_context(server);
  on_one_worker([&] {
    constexpr int count = 50;
    int shaken = 0;
    weft::latch all_have_shaken_hands(count);
    by_each(count, [&](int i) {
      const ends files = make_tcp();
      const session near = session_on(client, files.in), far = session_on(server, files.out);
      const std::string text = pattern(std::size_t(100'000 + i));
      auto answers = weft::spawn([&] { echo(far, text.size()); });
      CHECK(SSL_connect(near.get()) == 1);
      CHECK(SSL_get_verify_result(near.get()) == X509_V_OK);
      ++shaken;
      all_have_shaken_hands.arrive_and_wait();
      CHECK(shaken == count);
      for (int n = 0; n < 3; ++n) {
        write_whole(near, text);
        CHECK(read_exactly(near, text.size()) == text);
      }
      CHECK(SSL_shutdown(near.get()) == 0);
      CHECK(SSL_shutdown(near.get()) == 1);  // the server has said goodbye, too
      answers.join();
    });
  });
}

TEST_CASE("OpenSSL tells both sides why they cannot shake hands") {
  const context server = server_context(), stranger(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(stranger.get(), SSL_VERIFY_PEER, nullptr);
  on_one_worker([&] {
    const ends files = make_tcp();
    const session near = session_on(stranger, files.in), far = session_on(server, files.out);
    auto answers = weft::spawn([&] {
      const int result = SSL_accept(far.get());
      CHECK(result <= 0);
      CHECK(SSL_get_error(far.get(), result) == SSL_ERROR_SSL);
      ERR_clear_error();
    });
    const int result = SSL_connect(near.get());
    CHECK(SSL_get_error(near.get(), result) == SSL_ERROR_SSL);
    CHECK(ERR_GET_REASON(ERR_get_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED);
    ERR_clear_error();
    answers.join();
  });
}

TEST_CASE("a deadline ends SSL_read by a failed system call") {
  const context server = server_context(), client = client_context(server);
  on_one_worker([&] {
    const ends files = make_tcp();
    const session near = session_on(client, files.in), far = session_on(server, files.out);
    auto accepts = weft::spawn([&] { CHECK(SSL_accept(far.get()) == 1); });
    REQUIRE(SSL_connect(near.get()) == 1);
    accepts.join();
    CHECK_THROWS_AS(weft::with_timeout(20ms,
                                       [&] {
                                         char byte = 0;
                                         const int got = SSL_read(near.get(), &byte, 1);
                                         CHECK(got < 0);
                                         CHECK(errno == ECANCELED);
                                         CHECK(SSL_get_error(near.get(), got) == SSL_ERROR_SYSCALL);
                                         weft::this_fiber::check_cancelled();
                                       }),
                    weft::timed_out);
  });
}
