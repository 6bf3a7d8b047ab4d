-- What arrives of long parameters, and of a datetime's fraction.
SELECT LEN(?) AS text_chars, DATALENGTH(?) AS binary_bytes, CONVERT(varchar(26), CAST(? AS datetime2(6)), 121) AS moment
