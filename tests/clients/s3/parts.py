"""boto3 against objects in parts and many objects at once: prints one line a check that held, fails at the first that did not."""

import hashlib
import io
import os
import sys
import tempfile
import urllib.request

from asking import check, client, refused
from boto3.s3.transfer import TransferConfig

url, access_key, secret, own_key, own_secret = sys.argv[1:6]
bucket, other = "project_shop", "project_other"
MIB = 1024 * 1024


def etag(*parts):
    return '"%s-%d"' % (hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest(), len(parts))


s3, own = (client(url, *pair, region="us-east-1") for pair in [(access_key, secret), (own_key, own_secret)])
big = os.urandom(20 * MIB)
with tempfile.NamedTemporaryFile() as file:
    file.write(big)
    file.flush()
    s3.upload_file(file.name, bucket, "big/file.bin", ExtraArgs={"ContentType": "image/x-test"})
head = s3.head_object(Bucket=bucket, Key="big/file.bin")
chunks = [big[at : at + 8 * MIB] for at in range(0, len(big), 8 * MIB)]
check("upload_file of 20 MB goes in parts", head["ETag"] == etag(*chunks) and head["ContentLength"] == len(big))
check("and keeps its media type", head["ContentType"] == "image/x-test")
into = io.BytesIO()
s3.download_fileobj(bucket, "big/file.bin", into)
check("download_fileobj gives it back", into.getvalue() == big)
own.upload_fileobj(io.BytesIO(big), bucket, "big/own.bin", Config=TransferConfig(multipart_chunksize=5 * MIB, max_concurrency=8))
check("a pair of the project uploads in parts", own.get_object(Bucket=bucket, Key="big/own.bin")["Body"].read() == big)
s3.copy({"Bucket": bucket, "Key": "big/file.bin"}, other, "copied.bin")
check("copy in parts reaches another bucket", s3.get_object(Bucket=other, Key="copied.bin")["Body"].read() == big)
s3.copy_object(Bucket=other, Key="whole.bin", CopySource={"Bucket": bucket, "Key": "big/file.bin"})
whole = s3.head_object(Bucket=other, Key="whole.bin")
check("copy_object too", whole["ETag"] == head["ETag"] and whole["ContentType"] == "image/x-test")
stolen = {"Bucket": other, "Key": "whole.bin"}
check("but out of no bucket of others", refused(403, own.copy_object, Bucket=bucket, Key="x", CopySource=stolen) == "403")
check("and into none", refused(403, own.copy_object, Bucket=other, Key="x", CopySource={"Bucket": bucket, "Key": "big/own.bin"}) == "403")

part = {"Bucket": bucket, "Key": "parts/a b.bin"}
upload = s3.create_multipart_upload(**part)["UploadId"]
part["UploadId"] = upload
five, six, last = big[: 5 * MIB], big[5 * MIB : 11 * MIB], b"the end"
tags = {number: s3.upload_part(**part, PartNumber=number, Body=body)["ETag"] for number, body in [(9, last), (2, six), (1, last)]}
check("a part has the MD5 of its content", tags[9] == f'"{hashlib.md5(last).hexdigest()}"')
tags[1] = s3.upload_part(**part, PartNumber=1, Body=five)["ETag"]
pages = s3.get_paginator("list_parts").paginate(**part, PaginationConfig={"PageSize": 2})
listed = [(entry["PartNumber"], entry["Size"], entry["ETag"]) for page in pages for entry in page["Parts"]]
check("parts are listed as they came last", listed == [(1, len(five), tags[1]), (2, len(six), tags[2]), (9, len(last), tags[9])])
second = s3.create_multipart_upload(Bucket=bucket, Key="parts/second")["UploadId"]
third = s3.create_multipart_upload(Bucket=bucket, Key="parts/second")["UploadId"]
pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix="parts/", PaginationConfig={"PageSize": 1})
open_uploads = [(entry["Key"], entry["UploadId"]) for page in pages for entry in page.get("Uploads", [])]
expected = [("parts/a b.bin", upload), *sorted([("parts/second", second), ("parts/second", third)])]
check("open uploads are listed, page by page", open_uploads == expected)
check("nothing is there before it is complete", refused(404, s3.get_object, Bucket=bucket, Key="parts/a b.bin") == "NoSuchKey")


def complete(*numbers, upload=upload, tags=tags, s3=s3, key="parts/a b.bin", bucket=bucket):
    parts = [{"PartNumber": number, "ETag": tags[number]} for number in numbers]
    return dict(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts})


done = s3.complete_multipart_upload
check("parts come in order", refused(400, done, **complete(2, 1, 9)) == "InvalidPartOrder")
check("a part that is not there is refused", refused(400, done, **complete(1, 5, tags=tags | {5: tags[1]})) == "InvalidPart")
check("and one with another's ETag", refused(400, done, **complete(1, 2, tags=tags | {2: tags[1]})) == "InvalidPart")
check("only the last part may be small", refused(400, done, **complete(1, 9, 10, tags=tags | {10: s3.upload_part(**part, PartNumber=10, Body=b"more")["ETag"]})) == "EntityTooSmall")
check("no part at all is no document", refused(400, done, **complete()) == "MalformedXML")
check("an upload has its key", refused(404, done, **complete(1, 2, 9, key="parts/other")) == "NoSuchUpload")
check("and its bucket", refused(404, done, **complete(1, 2, 9, bucket=other)) == "NoSuchUpload")
check("unknown uploads are refused", refused(404, done, **complete(1, upload="none")) == "NoSuchUpload")
for number in [0, 10_001]:
    check(f"{number} is no number of a part", refused(400, s3.upload_part, **part, PartNumber=number, Body=b"x") == "InvalidArgument")
check("a damaged part is refused", refused(400, s3.upload_part, **part, PartNumber=3, Body=b"x", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==") == "BadDigest")
answer = done(**complete(1, 2, 9))
check("the answer says what the object is", answer["ETag"] == etag(five, six, last) and answer["Key"] == "parts/a b.bin")
check("the parts are the object", s3.get_object(Bucket=bucket, Key="parts/a b.bin")["Body"].read() == five + six + last)
check("a list shows the same ETag", s3.list_objects_v2(Bucket=bucket, Prefix="parts/")["Contents"][0]["ETag"] == answer["ETag"])
check("asked again, it is the same answer", done(**complete(1, 2, 9))["ETag"] == answer["ETag"])
check("but it takes no other parts", refused(404, done, **complete(1, 2)) == "NoSuchUpload")
check("nor new ones", refused(404, s3.upload_part, **part, PartNumber=1, Body=b"x") == "NoSuchUpload")
check("nor is it aborted", refused(404, s3.abort_multipart_upload, **part) == "NoSuchUpload")

for number, id in enumerate([second, third]):
    s3.upload_part(Bucket=bucket, Key="parts/second", UploadId=id, PartNumber=1, Body=b"%d" % number)
s3.abort_multipart_upload(Bucket=bucket, Key="parts/second", UploadId=second)
check("an aborted upload is gone", refused(404, s3.list_parts, Bucket=bucket, Key="parts/second", UploadId=second) == "NoSuchUpload")
aborted = refused(404, s3.upload_part, Bucket=bucket, Key="parts/second", UploadId=second, PartNumber=2, Body=b"x")
check("and takes no parts", aborted == "NoSuchUpload")
left = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
check("the other is open", [entry["UploadId"] for entry in left] == [third])
copied = s3.upload_part_copy(Bucket=bucket, Key="parts/second", UploadId=third, PartNumber=1, CopySource={"Bucket": other, "Key": "whole.bin"}, CopySourceRange=f"bytes=1-{6 * MIB}")
check("a part can be copied", copied["CopyPartResult"]["ETag"] == f'"{hashlib.md5(big[1 : 6 * MIB + 1]).hexdigest()}"')
beyond = refused(416, s3.upload_part_copy, Bucket=bucket, Key="parts/second", UploadId=third, PartNumber=2, CopySource={"Bucket": other, "Key": "whole.bin"}, CopySourceRange=f"bytes=0-{len(big)}")
check("not beyond its end", beyond == "InvalidRange")
named = {"Bucket": bucket, "Key": "parts/second", "UploadId": third, "PartNumber": 2}
link = s3.generate_presigned_url("upload_part", Params=named, ExpiresIn=60)
put = urllib.request.urlopen(urllib.request.Request(link, data=b"tail", method="PUT", headers={"Content-Type": ""}))
check("a signed link takes a part", put.headers["ETag"] == f'"{hashlib.md5(b"tail").hexdigest()}"')
try:
    urllib.request.urlopen(urllib.request.Request(link.replace("partNumber=2", "partNumber=3"), data=b"x", method="PUT"))
    raise AssertionError("a link took another part")
except urllib.error.HTTPError as error:
    check("and no other part", error.code == 403)
tags = {1: copied["CopyPartResult"]["ETag"], 2: put.headers["ETag"]}
done(**complete(1, 2, upload=third, tags=tags, key="parts/second"))
check("copied and linked parts are an object", s3.get_object(Bucket=bucket, Key="parts/second")["Body"].read() == big[1 : 6 * MIB + 1] + b"tail")

for at in range(25):
    s3.put_object(Bucket=bucket, Key=f"many/{at % 3}/{at:02}", Body=b"x")
pages = s3.get_paginator("list_objects").paginate(Bucket=bucket, Prefix="many/", PaginationConfig={"PageSize": 4})
keys = [entry["Key"] for page in pages for entry in page["Contents"]]
check("the first version's lists page", keys == sorted(f"many/{at % 3}/{at:02}" for at in range(25)))
pages = list(s3.get_paginator("list_objects").paginate(Bucket=bucket, Prefix="many/", Delimiter="/", PaginationConfig={"PageSize": 1}))
groups = [entry["Prefix"] for page in pages for entry in page["CommonPrefixes"]]
check("and group", groups == ["many/0/", "many/1/", "many/2/"] and not any("Contents" in page for page in pages))
gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in [*keys[:10], "many/none & <odd>", "../up"]]})
check("many are deleted at once", [entry["Key"] for entry in gone["Deleted"]] == [*keys[:10], "many/none & <odd>"])
check("and what cannot be is said", [(entry["Key"], entry["Code"]) for entry in gone["Errors"]] == [("../up", "InvalidArgument")])
quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys[10:]], "Quiet": True})
check("quietly, too", "Deleted" not in quiet and "Errors" not in quiet)
check("they are gone", s3.list_objects_v2(Bucket=bucket, Prefix="many/")["KeyCount"] == 0)
check("others' are not deleted", refused(403, own.delete_objects, Bucket=other, Delete={"Objects": [{"Key": "whole.bin"}]}) == "403")

check("all buckets are listed", [entry["Name"] for entry in s3.list_buckets()["Buckets"]] == [other, bucket])
pages = s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 1})
check("in pages", [entry["Name"] for page in pages for entry in page["Buckets"]] == [other, bucket])
check("of a key its own", [entry["Name"] for entry in own.list_buckets()["Buckets"]] == [bucket])
check("a bucket is there", s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200)
check("or not", refused(404, s3.head_bucket, Bucket="project_none") == "404")
check("or another's", refused(403, own.head_bucket, Bucket=other) == "403")
check("it is nowhere in particular", s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None)
