"""boto3 against the objects of a project: prints one line a check that held, and fails at the first that did not."""

import base64
import hashlib
import sys
import urllib.error
import urllib.request
import zlib

import boto3
import botocore
from asking import check, client, refused

url, access_key, secret = sys.argv[1:4]
many, own_key, own_secret = int(sys.argv[4]), *sys.argv[5:7]
bucket = "project_shop"
s3 = client(url, access_key, secret)
content = bytes(range(256)) * 4096
md5 = hashlib.md5(content).hexdigest()
put = s3.put_object(Bucket=bucket, Key="dir/a ü+&=.bin", Body=content, ContentType="image/x-test")
check("put answers the MD5", put["ETag"] == f'"{md5}"')
got = s3.get_object(Bucket=bucket, Key="dir/a ü+&=.bin")
check("get gives what was put", got["Body"].read() == content and got["ContentType"] == "image/x-test")
part = s3.get_object(Bucket=bucket, Key="dir/a ü+&=.bin", Range="bytes=1000-1999")
check("a range is a part", part["Body"].read() == content[1000:2000] and part["ContentRange"] == f"bytes 1000-1999/{len(content)}")
check("a range behind the end is refused", refused(416, s3.get_object, Bucket=bucket, Key="dir/a ü+&=.bin", Range="bytes=9999999-"))
head = s3.head_object(Bucket=bucket, Key="dir/a ü+&=.bin")
check("head has the size", head["ContentLength"] == len(content) and head["ETag"] == f'"{md5}"')
check("head of nothing is 404", refused(404, s3.head_object, Bucket=bucket, Key="nothing") == "404")
check("get of nothing says so", refused(404, s3.get_object, Bucket=bucket, Key="nothing") == "NoSuchKey")
check("a missing bucket is said by its status", refused(404, s3.get_object, Bucket="project_none", Key="a") == "404")

for algorithm in ["CRC32", "SHA1", "SHA256"]:
    s3.put_object(Bucket=bucket, Key="sum", Body=b"sum", ChecksumAlgorithm=algorithm)
    check(f"{algorithm} is accepted", s3.get_object(Bucket=bucket, Key="sum")["Body"].read() == b"sum")
check("a wrong CRC32 is refused", refused(400, s3.put_object, Bucket=bucket, Key="sum", Body=b"sum", ChecksumCRC32="AAAAAA==") == "BadDigest")
wrong = base64.b64encode(b"0" * 16).decode()
check("a wrong MD5 is refused", refused(400, s3.put_object, Bucket=bucket, Key="sum", Body=b"other", ContentMD5=wrong) == "BadDigest")
check("what was refused changed nothing", s3.get_object(Bucket=bucket, Key="sum")["Body"].read() == b"sum")
s3.put_object(Bucket=bucket, Key="sum", Body=b"")
check("an empty object replaces a full one", s3.get_object(Bucket=bucket, Key="sum")["Body"].read() == b"")
s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "dir/a ü+&=.bin"})
check("a copy has the content", s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == content)


def streaming(kind):
    """The next request's body goes in AWS's chunks, as over TLS."""

    def change(request, **_):
        body = b"chunks of content" * 1000
        crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode() if kind == "right" else "AAAAAA=="
        half = len(body) // 2
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:half], body[half:]))
        request.data = chunks + f"0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n".encode()
        for name in ["x-amz-checksum-crc32", "x-amz-sdk-checksum-algorithm", "Content-MD5"]:
            del request.headers[name]
        request.headers["content-encoding"] = "aws-chunked"
        request.headers["x-amz-trailer"] = "x-amz-checksum-crc32"
        request.headers["x-amz-decoded-content-length"] = str(len(body))
        # What the signer looks at to call the body chunked.
        request.context["checksum"] = {"request_algorithm": {"algorithm": "crc32", "in": "trailer", "name": "x-amz-checksum-crc32"}}
        del request.headers["Content-Length"]
        request.headers["Content-Length"] = str(len(request.data))

    return change


chunked = client(url, access_key, secret, request_checksum_calculation="when_required")
chunked.meta.events.register_first("before-sign.s3.PutObject", streaming("right"))
chunked.put_object(Bucket=bucket, Key="chunks", Body=b"")
check("chunks are taken apart", s3.get_object(Bucket=bucket, Key="chunks")["Body"].read() == b"chunks of content" * 1000)
broken = client(url, access_key, secret, request_checksum_calculation="when_required")
broken.meta.events.register_first("before-sign.s3.PutObject", streaming("wrong"))
check("a wrong trailer is refused", refused(400, broken.put_object, Bucket=bucket, Key="chunks", Body=b"") == "BadDigest")

check("a wrong secret is refused", refused(403, client(url, access_key, "x" * 20).get_object, Bucket=bucket, Key="sum"))
check("an unknown access key is refused", refused(403, client(url, "x", secret).put_object, Bucket=bucket, Key="sum", Body=b""))
for key in ["../up", "a/../b", "a//b", "./a"]:
    check(f"{key} is no key", refused(400, s3.put_object, Bucket=bucket, Key=key, Body=b""))

s3.delete_object(Bucket=bucket, Key="sum")
check("delete deletes", refused(404, s3.get_object, Bucket=bucket, Key="sum") == "NoSuchKey")
check("delete of nothing is fine", s3.delete_object(Bucket=bucket, Key="sum")["ResponseMetadata"]["HTTPStatusCode"] == 204)

link = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "copy"}, ExpiresIn=60)
check("a link signed by the client opens", urllib.request.urlopen(link).read() == content)
try:
    urllib.request.urlopen(link.replace("/copy?", "/chunks?"))
    raise AssertionError("a link opened another object")
except urllib.error.HTTPError as error:
    check("a link opens one object", error.code == 403)

first = s3.list_objects_v2(Bucket=bucket, MaxKeys=1)
check("a page has its size", first["KeyCount"] == 1 and first["IsTruncated"] and first["Contents"][0]["Key"] == "chunks")
rest = s3.list_objects_v2(Bucket=bucket, ContinuationToken=first["NextContinuationToken"])
check("the next page goes on", [entry["Key"] for entry in rest["Contents"]][:2] == ["copy", "dir/a ü+&=.bin"])
folders = s3.list_objects_v2(Bucket=bucket, Delimiter="/", Prefix="dir")
check("a delimiter groups", [entry["Prefix"] for entry in folders["CommonPrefixes"]] == ["dir/"] and "Contents" not in folders)
pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="many/", PaginationConfig={"PageSize": 300})
keys = [entry["Key"] for page in pages for entry in page["Contents"]]
expected = sorted(f"many/{at % 7}/{at:04}" for at in range(many))
check("all pages together have every key once, in order", keys == expected)
pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="many/", Delimiter="/", PaginationConfig={"PageSize": 2})
groups = [entry["Prefix"] for page in pages for entry in page["CommonPrefixes"]]
check("groups page, too", groups == [f"many/{at}/" for at in range(7)])

own = client(url, own_key, own_secret)
check("a pair of the project opens its objects", own.get_object(Bucket=bucket, Key="copy")["Body"].read() == content)
check("and no other's", refused(403, own.get_object, Bucket="project_other", Key="copy") == "403")
check("and only with its secret", refused(403, client(url, own_key, secret).get_object, Bucket=bucket, Key="copy"))
print("boto3", boto3.__version__, "botocore", botocore.__version__)
