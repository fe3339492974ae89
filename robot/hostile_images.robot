*** Settings ***
Documentation       Images that nobody trusted has signed, or that are not for this device, are refused with power and without.
...                 `harness hostile --list` has the whole table: one image for each reason is cut here, and every one is tried.
Resource            harness/robot/power_cuts.resource
Test Template       A Hostile Image Is Refused


*** Test Cases ***                      IMAGE                   REASON
No Image At All                         slot-noise              magic
Of Another Format                       format-3                format
A Patch That Says It Is An Image        flags-delta             flags
Longer Than The Application Region      sizes-wrap              size
Entered Behind Its End                  entry-overhangs         entry
Reserved Bytes In Use                   reserved-last           reserved
For Another Hardware Revision           hardware-later          hardware
The Version Before                      version-replayed        version
Damaged On Its Way                      flipped-code-0          crc
Signed With A Foreign Key               key-foreign             key
Altered After Signing                   code-middle             signature

The Whole Table
    [Template]    NONE
    [Setup]    Prepare The Device
    Then Every Hostile Image Is Refused For Its Own Reason

A Forged Image While The Counter Page Is Full
    [Template]    NONE
    Given A Hostile Image Waits Beside Version 1    altered-code    full
    When Power Comes On
    Then The Old Version 1 Runs
    And The Image Was Refused For Its signature
    And Losing Power At Any Of 6 Moments Does No Harm

An Altered Application Does Not Start
    [Template]    NONE
    [Setup]    Prepare The Device
    Given The Device Is In Case tampered-application
    When Power Comes On
    Then The Device Asks For Help
    And No Rule Is Broken

A Bootloader Without This Check Is Found
    [Template]    NONE
    [Setup]    Prepare A Device With A Mistake    signature-ignored
    Given The Device Is In Case forged
    When Power Comes On
    Then The Harness Reports authentic_entry

A Table With A Hole Is Found
    [Template]    NONE
    [Setup]    Prepare A Device With A Mistake    hardware-ignored
    Then Some Hostile Image Is Not Refused


*** Keywords ***
A Hostile Image Is Refused
    [Arguments]    ${image}    ${reason}
    Given Hostile Image ${image} Waits
    When Power Comes On
    Then The Old Version 1 Runs
    And The Image Was Refused For Its ${reason}
    And No Rule Is Broken
    And Losing Power At Any Of 6 Moments Does No Harm

Some Hostile Image Is Not Refused
    ${told} =    Run Keyword And Expect Error    *not refused for their own reason*    Try Every Hostile Image
    Should Contain    ${told}    hardware-later
